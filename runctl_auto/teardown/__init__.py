"""Ends a job and proves that nothing of it is left."""
