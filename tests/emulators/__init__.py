"""Tests of the stand-ins for both clouds and for Pub/Sub."""
