"""The dashboard: pages, whom they are served to, and as files."""
