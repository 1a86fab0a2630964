"""Reaching the machine of a job: which it is, whether it can be reached, commands and sessions, who did."""
