"""Benchmarks: speed, memory and start of this project and of other functions for the same purpose, from one run.

``python -m tests.bench [SECTION ...]``, ``make bench``. The tests are in ``test_*.py`` beside them.

================  ================================================================================================
module            what it does
================  ================================================================================================
``compare``       every variant with every broker at every number of connections, round after round
``variants/``     the functions that this project is compared with
``contestants``   the variants as data: program, environment, settings
``server``        starts one variant in a process of its own, and ends it
``load``          the sender: a closed loop of keep-alive connections, in a process of its own
``answers``       whether an answer is complete, and right
``requests``      signed and encoded requests, each with its own body
``brokers``       Google's emulator, and the broker below; both return the messages that they have
``broker``        a Pub/Sub that acknowledges after 25 ms, in a process of its own
``outage``        what the sender sees when the broker is gone
``bare``          one awaited publish after the other, from a script: the least time of a publish
``share``         the microseconds of this project's own modules
``counts/``       instructions, allocations and system calls for one event; ``make bench-gate``
``imports``       what a start imports, module by module
``memory``        memory while a million events go through one process
``small``         an instance of the profile ``small``: a fifth of a core, one request at a time
``quota``         a limit for the CPU of processes: a cgroup's, or a stand-in with signals
``burst``         more events than one instance can answer, from a sender that repeats as DT does
``measure``       CPU time, memory and cores of processes, from /proc
``figures``       medians and percentiles
``results``       what was measured, as JSON: medians and ratios of the rounds
``goals``         the goals, as data
``report``        tables for docs/performance.md and docs/performance-figures.md
``sections``      the sections of the command, and how long each of them is measured
``plot``          the picture beside these tables
``scaling``       measures for docs/scaling.md, and checks the capacity model; ``make scaling``
``capacity``      from sensors to instances, settings and limits
``cloud``         what Google and DT allow and send, as data with its sources; prices are in deploy.costs
``queueing``      how long an event takes on an instance of a given utilisation
``open_loop``     the sender that measures from the time when an event was due
``quiet``         whether other programs used the machine meanwhile
``messages``      the size of a message that Pub/Sub bills
``scaling_tables``  docs/scaling.md's tables, from the model
``text``          figures as words
================  ================================================================================================
"""
