"""Rules of the repository itself: README, docs, layout, locks."""
