"""Tests of how it is read what arrived."""
