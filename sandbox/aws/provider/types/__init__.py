"""One class a resource type, one file a type."""
