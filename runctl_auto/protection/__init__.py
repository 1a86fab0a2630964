"""What is protected of a job, by which decision, and which changes would break a protection."""
