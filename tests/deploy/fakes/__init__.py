"""Both clouds in memory."""
