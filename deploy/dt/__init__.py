"""The only modules that reach DT.

==============  =========================================================  ====================
``transport``   one attempt of a call, through the ``disruptive`` package  DT
``calls``       a call, its answer and its sender, as types                nothing
``api``         repeats the calls that may be repeated                     DT, by ``transport``
``limiter``     keeps calls under DT's rate limit                          the clock
``connectors``  Data Connectors: lists all, creates one only once          DT, by ``api``
``devices``     emulated devices, found again by their labels              DT, by ``api``
``history``     all devices, and the history of their events               DT, by ``api``
``sensors``     how many sensors projects have                             DT, by ``api``
``json_text``   the items of a list as DT wrote them                       nothing
==============  =========================================================  ====================
"""
