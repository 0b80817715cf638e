"""What this project is measured beside: what else one could deploy to the same end; each a function's source."""
