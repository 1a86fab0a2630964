"""Settings of a project or person: their shape, where they come from, edits."""
