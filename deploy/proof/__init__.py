"""Prove the path: an unsigned request is refused, and a real event arrives.

==============  =====================================================================  ===========
``verifier``    runs the proof                                                         both clouds
``checks``      the requests of a proof, and the checks of the messages they lead to   nothing
``new_secret``  proves that DT signs with the new secret                               both clouds
``fixtures``    the emulated device and the subscription of a proof, removed after it  both clouds
==============  =====================================================================  ===========
"""
