"""What of a job is protected, by whose word, and why a change would break it."""
