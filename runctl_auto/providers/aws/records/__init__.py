"""What each service of AWS lists, and how it is removed."""
