"""Systems Manager's commands and sessions, which run on the sandbox's hosts."""
