"""Tests of the deploy command with the real gcloud and stand-ins for both clouds."""
