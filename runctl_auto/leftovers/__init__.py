"""Finds what is runctl's in an account by asking the services, and removes it."""
