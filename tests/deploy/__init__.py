"""Tests of deploy/, in process, in the same folders as their subjects."""
