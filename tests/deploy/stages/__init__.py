"""Tests of deploy/stages/."""
