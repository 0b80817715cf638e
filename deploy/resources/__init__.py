"""What a deployment is made of: one small class for each resource.

Each knows which commands tell what is there (``reads``), which steps make it as it should be (``plan``),
and which remove it (``removal``); none of them runs anything.
"""
