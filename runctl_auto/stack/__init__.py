"""A stack's configuration and state."""
