"""docs/examples: each program is run as it stands, and each file is checked."""
