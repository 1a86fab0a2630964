"""One run followed to its end."""
