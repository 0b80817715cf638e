"""Tests of the function as a process, over HTTP."""
