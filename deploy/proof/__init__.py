"""Prove the path: an unsigned request is refused, and a real event arrives.

============  =====================================================================  =====================
``verifier``  runs the proof, one signature scheme after the other                   both clouds
``checks``    what the proof sends, and which answer is right                        nothing
``fixtures``  the emulated device and the subscription of a proof, removed after it  both clouds
============  =====================================================================  =====================
"""
