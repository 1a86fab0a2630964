"""Code specific to single providers."""
