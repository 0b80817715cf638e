"""Make both ends, prove the path, show it and remove it: ``python -m deploy VERB``, installed ``dt-pubsub VERB``.

Modules and packages, from what a user types down to the two clouds:

===================  ==========================================================  =========================
``__main__``         reads the command line and the settings, catches errors     the terminal, environment
``cli``              flags, settings, deploy.toml, tables, questions             the terminal, deploy.toml
``wiring``           builds the context with what sends, and runs the verb       the terminal, environment
``verbs``            init, plan, up, verify, status, follow, …, down; one each   nothing by itself
``context``          all that a verb works with, built once                      nothing by itself
``report``           the result of a verb, for ``--json``                        nothing
``proof``            refuse an unsigned request; see a real event arrive         both clouds
``live``             events as they come, as readable lines and on a page        Pub/Sub
``repair``           what is missing; rejected and missing events, sent again    both clouds, function
``first_contact``    answer what only the real clouds can: verify --report       both clouds
``stages``           preflight, observe, plan, apply                             both clouds
``resources``        one class for each resource                                 nothing
``bigquery``         the table, the views and the transform of BigQuery          nothing
``google``           the only modules that reach Google Cloud                    Google Cloud
``dt``               the only modules that reach DT                              DT
``function_https``   posts a request to the function                             the function
``function_client``  signs the requests to the function                          nothing by itself
``no_answer``        explains why an HTTPS request got no answer                 nothing
``network``          how gcloud reaches the network, as types                    nothing
``pubsub_filter``    filters of subscriptions: parse, apply, write               nothing
``web``              HTTP calls: no login of ~/.netrc, connections stay open   the environment, threads
``parallel``         worker threads, and sleeps that Ctrl-C ends                 threads
``costs``            the price list, and what a month costs                      nothing
``profiles``         two sizes of deployments, and what each sets                nothing
``spec``             the desired state, as one frozen value                      nothing
``steps``            a plan as data                                              nothing
``secret``           a secret that no repr, log or traceback shows               nothing
``files``            files that are replaced as a whole                           files
``errors``           the one family of errors                                    nothing
``times``            times and durations as text                                 nothing
``pages``            the paths of documentation that help and errors name        its own package
``program``          the name of the command, as it was started                  the process's arguments
``next_steps``       what to know after ``up``: events, links, cost, removal     nothing
``links``            pages in Google Cloud's console and in DT Studio            nothing
``commands``         commands that a user is shown                               nothing
``remedies``         whether such a command fixes something, or only shows more  nothing
===================  ==========================================================  =========================

A plan is computed from what exists, without a state file; ``up`` carries out exactly the steps that ``plan`` shows.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  # an older Python has to say so itself
    sys.exit("Python 3.11 or newer is needed: this is %s at %s" % (sys.version.split()[0], sys.executable))  # noqa: UP031
