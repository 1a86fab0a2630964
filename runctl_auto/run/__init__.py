"""A run: its identity, status and objects in the job's bucket."""
