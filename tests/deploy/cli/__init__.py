"""Tests of deploy/cli/."""
