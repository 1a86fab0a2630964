"""What took how long."""
