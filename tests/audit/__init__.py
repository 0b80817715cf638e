"""What we ship and what we ship it with, looked over: ``python -m tests.audit``, ``make audit``."""
