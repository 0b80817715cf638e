"""Counts for one event that a busy machine does not change: instructions, allocations and system calls.

``python -m tests.bench.counts``, ``make bench-gate``, compares them with ``baseline.json`` and fails if one has grown
by 5 % or more. The tests are in ``test_counts.py`` beside the modules.

===============  =====================================================================================================
module           what it does
===============  =====================================================================================================
``one_process``  serves a function in a single process, because callgrind cannot be told to count in a forked one
``rooms``        sends events through the modules of ``function/`` alone, without framework, gRPC and sockets
``waves``        the sender: every connection sends one request, and all answers are awaited before the next wave
``callgrind``    instructions and allocations between two moments of a program that runs in valgrind
``strace``       system calls between two moments of a program that runs in strace
``names``        the names of the counts
``measured``     all counts, by name
``baseline``     compares counts with those of the baseline. Pure
===============  =====================================================================================================
"""
