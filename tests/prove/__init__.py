"""The promises of the function, measured: ``python -m tests.prove [SECTION ...] [--short]``. Not collected by pytest.

report          a promise as a row, rows as a table
__main__        the sections by name; exit 1 if a promise does not hold
senders         senders that retry until 2xx, as DT's cloud does
programs        the function as a process that is ended and started again, beside a broker with a record
scenarios       what may go wrong, as data
zero_loss       every event answered 2xx is in the record, whatever goes wrong
answers_early   the control: a function that loses events, which has to be caught
emulator_load   Google's own emulator under load
broker          the embedded Pub/Sub as a process that can be killed
proxy           a network that fails
traffic         signed events at a steady rate
faults          every way in which broker and network fail, and what is owed then
watched_main    a function with many receivers, which tells its tasks
time_and_hygiene  how long anybody waits, and what is left behind
keys            rotations, and sources of keys that fail
flood           unsigned requests by the thousand
mutants         mutation testing: what no test notices
mutant_kinds    what is changed in a module
mutant_runs     the tests on each changed module
"""
