"""The function as a process, over HTTP."""
