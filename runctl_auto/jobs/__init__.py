"""The job in hand and what commands do with it."""
