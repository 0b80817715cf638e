"""The exit statuses, which are the same for all verbs."""

NOTHING_TO_DO, FAILED, CHANGES, UNHEALTHY = 0, 1, 2, 3
NO_VERB = 2
"""The status of a command line without a verb, which shows only an overview, as is usual for commands."""

UNMET = UNHEALTHY
"""What was waited for did not come."""

PARTIAL = 2
"""The verb has done its work in part, and says which part is missing."""
