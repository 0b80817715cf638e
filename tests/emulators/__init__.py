"""Stand-ins for the clouds, so that the whole path can run and be tested on one machine. Their tests lie beside them.

====================  =========================================================================  ============
``__main__``          all commands: reads the command line                                       the terminal
``demo``              ``make run``                                                               this machine
``workbench``         ``make serve``, ``make send`` and ``make sign``                            this machine
``ingestion``         the whole path: Pub/Sub, the function, a sender, a subscriber              this machine
``function_process``  the function, served by functions-framework in a process                   this machine
``backend``           one of the two Pub/Subs: ``pubsub_for``                                    this machine
``emulator``          Google's own Pub/Sub emulator: finds it and starts it                      this machine
``pubsub``            the embedded Pub/Sub: strict; can record messages and show faults          this machine
``clouds``            both clouds, for the real gcloud and DT's real package: ``make rehearse``  this machine
``sandbox``           both clouds kept up, with a shell in them and faults by name               this machine
``issuer``            DT's OpenID Connect issuer, with a key set that can be rotated             this machine
``processes``         child processes that never outlive this one                                this machine
``events``            one sample event of each of DT's types                                     nothing
``signing``           signs bodies as DT does                                                    nothing
``errors``            the one family of errors                                                   nothing
``workbenches``       workbenches that the tests start                                           this machine
``google_messages``   the message types in gcloud's clients, as a JSON Schema                    this machine
``asked``             Google's side of the offline clouds, asked in this process                     nothing
``endpoint``            an endpoint of push subscriptions, which keeps the requests that it gets    this machine
``clients``           what the tests send to the clouds: HTTPS requests and gcloud               this machine
====================  =========================================================================  ============
"""
