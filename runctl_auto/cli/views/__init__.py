"""Text output of results."""
