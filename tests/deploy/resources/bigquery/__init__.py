"""BigQuery in one flag: its resources in plans, changes and removals."""
