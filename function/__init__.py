"""What happens to one event of DT's Data Connector.

``main.py`` gives every request to an adapter, and the adapter gives it to the receiver:

===================  =============================================================  ==================
in and out
``adapters``         ASGI or WSGI request -> Request; Reply -> response             the request's body
``http``             a request and its reply, free of any web framework             nothing
``uvicorn_limits``   uvicorn's HTTP reader, with a limit for request heads          the connection
``direct_http``      uvicorn's protocol: POST requests to the adapter, one write each  the connection
``body_budget``      the bytes of bodies that may be in memory at once              nothing
decide
``receiver``         calls the other modules in turn; catches every error           nothing
``outcomes``         the decision table: reason -> status, topic, severity          nothing
``errors``           the exception classes                                          nothing
prove
``verifier``         finds the scheme and the secret or key that prove a request    nothing
``signature``        token, body, secret or key, time -> verified body              nothing
``secret_source``    the secrets, from the environment and a re-read file           the secret file
``secret_text``      text of a secret file -> secrets, and its faults               nothing
``key_source``       DT's public keys, found by OIDC discovery                      the issuer
read
``event``            bytes -> envelope                                              nothing
``schema``           finds where an event's data contradicts its type               nothing
``event_types``      DT's 19 event types with units                                 nothing
``strict_json``      bytes -> one JSON object, by RFC 8259                          nothing
publish
``message``          envelope -> Pub/Sub data and attributes, inside the limits     nothing
``retrying``         attempts, pauses and the deadline of one message               nothing
``batching``         messages of one event-loop turn -> one Publish request         nothing
``pubsub``           Publish request -> message ids that Pub/Sub acknowledged       Google Pub/Sub
``pubsub_messages``  the messages of a Publish call, for protobuf                   nothing
``connections``      chooses a request's connection, and begins further ones        nothing
``access_token``     the current token, which a thread refreshes                    threads
``credentials``      fetches tokens from Cloud Run's metadata server                metadata server, files
``google_tokens``    fetches tokens by Application Default Credentials              files, Google's servers
ground
``settings``         environment -> frozen settings; lists every fault at once      nothing
``settings_parsers`` the text of one setting -> its value                           nothing
``settings_names``   a misspelt variable's name -> the name of the setting          nothing
``log``              one JSON line per request                                      nothing
``sampling``         which lines are left out, and their counts                     nothing
``foreign_lines``    log records of libraries -> lines of this log                  Python's loggers
``ending``           calls a function at SIGTERM                                    signals
``output``           lines to standard output, without waiting for its reader       standard output
``timeouts``         awaits with a timeout                                          nothing
``threads``          runs blocking calls beside the event loop                      threads
``version``          the project's version                                          nothing
``wiring``           builds the receiver from real clocks, files and clients        nothing
===================  =============================================================  ==================

The invariant: the sender gets 2xx if and only if a Pub/Sub topic has acknowledged the event's exact bytes.
"""

import logging
import os

# Cloud Run logs every line on standard output and standard error. gRPC writes its log to standard error, and so do the
# warnings of a library while Python imports it. So these lines must run before Google's libraries are imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
logging.captureWarnings(capture=True)
# gRPC's newer client passes each answer through two more threads, which costs eight system calls for an event
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client")
