"""A job's teardown: what it deletes, what is in its way, and its receipt."""
