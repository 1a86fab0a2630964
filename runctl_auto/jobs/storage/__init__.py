"""Volumes and snapshots that are stacks of their own."""
