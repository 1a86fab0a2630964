"""The local machine: project folder, files, locks, retry."""
