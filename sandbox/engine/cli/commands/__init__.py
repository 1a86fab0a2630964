"""What each command does, one module a subject; imported when it runs."""
