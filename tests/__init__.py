"""The tests: flat, one file per room."""
