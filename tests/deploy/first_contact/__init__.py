"""Tests of ``verify --report``'s parts; tests/deploy/verbs/test_verify_report.py has those of the whole."""
