"""The only modules that reach DT.

==============  ===================================================================  =====================
``transport``   one call through the ``disruptive`` package, with its hazards fenced  DT
``api``         repeats the calls that may be repeated                               DT, by ``transport``
``connectors``  Data Connectors: listed whole, created once                          DT, by ``api``
``devices``     emulated devices, found again by their labels                        DT, by ``api``
==============  ===================================================================  =====================
"""
