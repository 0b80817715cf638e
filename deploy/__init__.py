"""Both ends made, proven, shown and removed: ``python -m deploy VERB``.

The modules:

=================  ==============================================================  ==========================
room               what it does                                                    may touch
=================  ==============================================================  ==========================
``__main__``       reads what is asked, wires the rooms; the one catch             the terminal, environment
``doorway``        streams, signals and packages, as a command finds them          the terminal, signals
``command_line``   the verbs and their flags, and what ``--help`` says             nothing
``options``        what can be asked for, and what is sound                        nothing
``asked``          flags > environment > deploy.toml -> spec; all faults at once   nothing
``settings_file``  deploy.toml -> values, and the line of each                     deploy.toml
``spec``           the desired state, as one frozen value                          nothing
``source``         what is uploaded: staged in a temporary folder; its digest      files
``preflight``      what has to hold before anything is touched                     both clouds, reading
``regions``        where functions are, while Google cannot be asked               nothing
``org_policy``     what an organization forbids: that everybody may call           Google Cloud, reading
``build_account``  who builds the function, and whether it may                     Google Cloud, reading
``permissions``    what a deployer has to be allowed                               nothing
``observe``        what is: describe and list commands -> facts                    both clouds, reading
``parallel``       several things beside one another, sleeps that Ctrl-C ends      threads
``resources``      one class for each resource: reads, compares, writes commands   nothing
``plan``           spec and facts -> steps                                         nothing
``ownership``      whose a thing is, asked again just before a step touches it     Google Cloud, reading
``steps``          a plan as data                                                  nothing
``apply``          carries steps out, stops at the first failure                   both clouds
``operation_errors``  what Google does not say of a build or a start that failed  Google Cloud, reading
``verify``         an unsigned request is refused, a real event arrives            both clouds
``proof``          what is sent for that, what has to come of it                   nothing
``function_log``   what the function wrote about one event                          Google Cloud, reading
``temporary``      a device and a subscription, made for it and removed            both clouds
``status``         what ``status`` shows                                           nothing
``unread``         what waits on a subscription to be read                         nothing
``report``         what a verb came to, for ``--json``                             nothing
``verbs``          plan, up, verify, status, down: the rooms in their order        nothing by itself
``gcloud``         the one place that runs gcloud                                  Google Cloud
``gcloud_errors``  what gcloud's words on standard error mean                      nothing
``gcloud_config``  what a user told gcloud: endpoints, proxy, certificates         Google Cloud, by ``gcloud``
``network``        why an HTTPS request had no answer, and what helps              nothing
``google_api``     the questions that gcloud has no command for                    Google Cloud
``dt_api``         DT's API: repeats what may be repeated                          DT, by ``dt_transport``
``dt_transport``   one call through the ``disruptive`` package, fenced             DT
``connectors``     Data Connectors, made once whatever becomes of an answer        DT, by ``dt_api``
``devices``        emulated devices, found again by their labels                   DT, by ``dt_api``
``pubsub_filter``  filters of subscriptions: read, applied, written                nothing
``web``            no login of ~/.netrc in the place of our own tokens             the environment
``vault``          the signature secrets in force                                  Secret Manager, by ``gcloud``
``secret``         a secret as a value that shows itself nowhere                   nothing
``terminal``       tables, progress, questions                                     the terminal
``errors``         the one family of errors                                        nothing
``offline``        stand-ins for all of these clouds                               this machine
=================  ==============================================================  ==========================

A plan is computed from what is, with no file to remember by; ``up`` carries out the very steps that ``plan`` shows.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # it is an older Python that has to be told so
    sys.exit("Python 3.11 or newer is needed: this is %s at %s" % (sys.version.split()[0], sys.executable))  # noqa: UP031
