"""The health of a deployment."""
