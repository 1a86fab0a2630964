"""All jobs on a terminal."""
