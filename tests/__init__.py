"""The tests. README says where a test goes."""
