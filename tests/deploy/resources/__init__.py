"""Tests of deploy/resources/."""
