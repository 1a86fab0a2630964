"""Code that runs inside a host: its init and its own programs. Standard library only."""
