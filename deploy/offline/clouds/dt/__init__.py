"""Disruptive Technologies' cloud, as far as a Data Connector needs it.

cloud       which host is which API; what every call has to pass: token, rate, project, role
tenant      the organization, its projects, the service account and its roles
problems    how DT says no
identity    OAuth2 tokens, OpenID Connect discovery, the keys of ``DT-Asymmetric-Signature``
connectors  Data Connectors
devices     devices, their labels, and the history of their events
device_lists  which devices a list is of, and in which order
emissions   what is made of the little that the emulator is told
deliveries  events on their way to connectors: signed, retried, counted
xid         ids that grow with time
"""
