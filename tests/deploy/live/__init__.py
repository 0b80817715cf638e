"""Tests of deploy/live/."""
