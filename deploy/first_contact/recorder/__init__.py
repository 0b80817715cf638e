"""The source of the recorder, a temporary function. It is uploaded only by ``verify --report``.

========  =====================================================================  ==================
``main``  the function: refuses emulated events, prints how each of them came    its requests, logs
========  =====================================================================  ==================
"""
