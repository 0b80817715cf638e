"""Tests of replay and backfill, in process."""
