"""Settings of a project or user: their schema, their sources, edits."""
