"""Check the code and its requirements: ``python -m tests.audit``, ``make audit``."""
