"""What this project is measured beside: what else one could deploy to the same end. Each file is a function's source."""
