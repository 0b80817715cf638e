"""Tests of function/, in process, one file per module."""
