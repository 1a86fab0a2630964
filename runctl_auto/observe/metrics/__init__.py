"""Metrics of runs, as they are read from their buckets, and of all jobs of a backend."""
