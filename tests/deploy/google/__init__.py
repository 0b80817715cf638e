"""Tests of deploy/google/."""
