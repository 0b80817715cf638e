"""Tests of what ``backfill`` does."""
