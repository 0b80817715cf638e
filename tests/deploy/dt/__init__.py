"""Tests of deploy/dt/."""
