"""What travels to the machine."""
