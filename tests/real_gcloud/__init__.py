"""The deploy command with the real gcloud, against stand-ins for both clouds."""
