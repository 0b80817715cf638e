"""Tests of what ``replay`` does."""
