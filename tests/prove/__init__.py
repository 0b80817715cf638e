"""The promises of the function, measured: ``python -m tests.prove [SECTION ...] [--short]``. Not collected by pytest.

report          a promise as a row, rows as a table
__main__        the sections by name; exit 1 if a promise does not hold
"""
