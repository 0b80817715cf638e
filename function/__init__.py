"""What happens to one event of DT's Data Connector, module by module.

``main.py`` (the doors) hands every request to the receiver:

==================  ==============================================================  ==================
room                what it does                                                    may touch
==================  ==============================================================  ==================
``config``          environment -> frozen settings; names every fault at once       nothing
``setting_values``  the text of one setting -> its value                            nothing
``setting_names``   a variable's name -> the setting that it was meant to be        nothing
``receiver``        walks the rooms; the one catch of everything                    nothing
``outcomes``        the decision table: reason -> status, topic, severity           nothing
``doors``           ASGI and WSGI request -> our request; our reply -> theirs       the request's body
``bounded_http``    uvicorn's reader of HTTP, with a limit for heads                the connection
``verifier``        which scheme proves this request, and by which secret or key    nothing
``signature``       token, body, secret or key, time -> evidence                    nothing
``secret_source``   the secrets, from the environment and a re-read file            the secret file
``secret_text``     the text of secrets -> secrets, and what is wrong with the rest  nothing
``key_source``      DT's public keys, found by OIDC discovery                       the issuer
``event``           bytes -> envelope                                               nothing
``schema``          where an event's data contradicts its type                      nothing
``event_types``     DT's 19 event types with units                                  nothing
``message``         envelope -> Pub/Sub data and attributes, inside the limits      nothing
``publisher``       attempts, pauses and the deadline of one message                nothing
``sharing``         messages of the same turn -> one Publish request                nothing
``pubsub``          Publish request -> acknowledged message ids                     Google Pub/Sub
``log``             one JSON line per request                                       nothing
``output``          lines to standard output, without waiting for its reader        standard output
``connections``     which connection a request takes; when another one is tried     nothing
``access_token``    the token at hand, and its refresh beside the requests          threads
``credentials``     where tokens come from                                          metadata server, files
``foreign_lines``   what libraries would log, as lines of ours                      Python's loggers
``exchange``        a request and its reply, free of any web framework              nothing
``strict_json``     bytes -> one JSON object, by RFC 8259 to the letter             nothing
``room``            room for so many bytes of bodies at once                        nothing
``patience``        awaiting with a limit                                           nothing
``background``      what blocks, beside the event loop; a loop for what is not      threads
``errors``          the one family of errors                                        nothing
``version``         the project's version                                           nothing
``wiring``          who is given to whom                                            nothing
==================  ==============================================================  ==================

The invariant: the sender gets 2xx if and only if a Pub/Sub topic has acknowledged the event's exact bytes.
"""

import logging
import os

# whatever stands on standard output and standard error is taken for our log. Both have to be said before Google's
# libraries are loaded: gRPC's own log goes to standard error, and so do warnings that a library gives while it loads
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
logging.captureWarnings(capture=True)
