"""Where the agent keeps things, and how they get there: S3 or a folder."""
