"""Resource types, one class and one file per type."""
