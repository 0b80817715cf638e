"""``verify --report``: measures what only the real clouds can tell, by temporary resources, and writes it to a file.

===============  ================================================================  ========================
``run``          one run, from the first temporary resource to the last answer     nothing by itself
``questions``    the open questions, and the field that answers each               nothing
``choice``       which type of event the emulated devices send                     nothing
``site``         what a run works with, and how it waits                           nothing by itself
``temporaries``  makes and removes the temporary resources                         both clouds
``google_side``  the measurements on Google's side                                 Google Cloud
``dt_side``      the measurements on DT's side                                     DT, Google's log
``findings``     reads the recorder's lines, and redacts them again                nothing
``document``     the file: its shape, its version, its partial states              the report's file
``recorder``     the source of the temporary function                              nothing here
===============  ================================================================  ========================

The deployment's own function and connectors are only read. The temporary connector has a queue of its own at DT, so
that what its function refuses delays nothing of the deployment's.
"""
