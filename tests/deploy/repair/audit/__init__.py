"""Tests of what ``audit`` does."""
