"""Tests of deploy/proof/."""
