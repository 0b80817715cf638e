"""The stages of a deployment: preflight, observe, plan, apply.

=====================  =============================================================  =====================
``preflight``          checks everything before anything is changed                   both clouds, reading
``build_account``      the account that builds the function, and its permissions      Google Cloud, reading
``source``             copies the uploaded files to a temporary folder; their digest  files
``observe``            describe and list commands -> facts                            both clouds, reading
``observed``           the facts of both clouds, as one value                         nothing
``listing``            lists the marked resources of a whole project                  Google Cloud, reading
``inventory``          those lists -> deployments, and what is left of others         nothing
``plan``               spec and facts -> steps                                        nothing
``costing``            what the cost of a month depends on                            nothing
``event_rate``         how many events come: given, measured, or counted as sensors    nothing
``monthly``            what a month costs at such a rate, in numbers and in words     nothing
``measuring``          the requests of a day                                          Cloud Monitoring
``counting``           how long a command waits for numbers of an estimate            nothing
``health``             what status reads, and the rows that it shows                  both clouds, reading
``upgrade``            what changes from the deployed version to this one             nothing
``ownership``          reads the owner of a resource again just before a step         Google Cloud, reading
``waves``              which steps can be carried out side by side                    nothing
``apply``              carries out the steps; stops after a failure                   both clouds
``rotation``           replaces the secret, phase by phase                            both clouds
``connector_secrets``  gives the new secret to the connectors                         DT
``convergence``        waits until the function reads the newest secret everywhere    the function
``operation_errors``   why a build or a start failed                                  Google Cloud, reading
=====================  =============================================================  =====================
"""
