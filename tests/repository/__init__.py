"""Tests of the repository itself: README, docs, layout, locks."""
