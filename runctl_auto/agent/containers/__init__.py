"""The container that a job runs in: fetched, kept while the agent lives, its processes followed."""
