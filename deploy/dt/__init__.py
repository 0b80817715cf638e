"""The only modules that reach DT.

==============  =========================================================  ====================
``transport``   one attempt of a call, through the ``disruptive`` package  DT
``api``         repeats the calls that may be repeated                     DT, by ``transport``
``connectors``  Data Connectors: lists all, creates one only once          DT, by ``api``
``devices``     emulated devices, found again by their labels              DT, by ``api``
==============  =========================================================  ====================
"""
