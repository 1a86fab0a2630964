"""The person's machine: project folder, files, locks, retry."""
