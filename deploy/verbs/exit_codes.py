"""The exit statuses, which are the same for all verbs."""

NOTHING_TO_DO, FAILED, CHANGES, UNHEALTHY = 0, 1, 2, 3

UNMET = UNHEALTHY
"""What was waited for did not come."""
