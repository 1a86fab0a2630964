"""A run that lost its machine, or never got one that reports."""
