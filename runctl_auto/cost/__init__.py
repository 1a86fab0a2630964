"""The cost of jobs."""
