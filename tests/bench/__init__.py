"""How fast, how small and how soon: this project beside what else one could write, measured in one run.

``python -m tests.bench [SECTION ...]``, ``make bench``. Nothing here is a test; ``tests/bench/test_bench.py`` tests it.

================  ================================================================================================
room              what it does
================  ================================================================================================
``compare``       every variant on every broker at every number of connections, round after round
``variants/``     the functions that are measured beside this project's own
``contestants``   the variants as data: which program, which environment, which settings
``server``        one variant as a process of its own, from its start to its end
``load``          the sender: a closed loop of keep-alive connections, in a process of its own
``answers``       whether an answer is there, and right
``requests``      signed and encoded requests, each with another body
``brokers``       Google's emulator, and the one below; both tell which messages they have
``broker``        a Pub/Sub that acknowledges after 25 ms, in a process of its own
``outage``        what the sender sees when the broker is gone
``bare``          one awaited publish after the other, from a script: the least that a publish takes
``share``         the microseconds of this project's own rooms
``imports``       what a start imports, module by module
``memory``        a million events through one process
``measure``       CPU time, memory and cores of processes, from /proc
``figures``       medians and percentiles
``results``       what was measured, as JSON: medians and ratios of the rounds
``goals``         what is to be reached, as data
``report``        tables for docs/performance.md
``sections``      the sections of the command: with how much patience each is measured
``plot``          the picture beside them
``scaling``       docs/scaling.md: the capacity model, checked by a run; ``make scaling``
``capacity``      from sensors to instances, settings and limits
``costs``         from what is used in a month to dollars
``cloud``         what Google and DT charge, allow and send, as data with its sources
``queueing``      how long an event takes on an instance that is so busy
``open_loop``     the sender that measures from when an event was due
``quiet``         whether other programs used the machine meanwhile
``messages``      how large a message is that Pub/Sub bills
``scaling_tables``  docs/scaling.md's tables, from the model
``text``          figures as words
================  ================================================================================================
"""
