"""Measure the promises of the function: ``python -m tests.prove [SECTION ...] [--short]``. pytest does not collect it.

report          a promise as a row, and rows as a table
__main__        the sections by name; exit 1 if a promise does not hold
senders         senders that retry until 2xx, as DT's cloud does
programs        the function as a process that is ended and started again, beside a broker with a record
scenarios       failures while events are relayed, as data
zero_loss       every event that was answered 2xx is in the record, in every scenario
answers_early   the control: a function that loses events, whose losses must be found
emulator_load   Google's own emulator under load
broker          the embedded Pub/Sub as a process that can be killed
proxy           a network that fails
traffic         signed events at a steady rate
faults          every failure of broker and network, and the answer that it requires
watched_main    a function with many receivers that reports its tasks
time_and_hygiene  how long senders wait, and what a failure leaves behind
keys            rotations, and sources of keys that fail
replay          what was rejected is on main or still rejected, whatever is killed or fails meanwhile
replay_run      one replay as a process
replay_site     the function at its URL, both clouds, and the network between them
replay_troubles  what goes wrong while replays run
rejected_events  events that the function has rejected, for every reason
completeness    audit of 100,000 events: exactly those that were taken away
flood           thousands of unsigned requests
mutants         mutation testing: mutants that no test detects
mutant_kinds    the mutants of a module
mutant_runs     runs the tests on each mutant
"""
