"""This machine as a provider: processes in place of machines, folders in place of a bucket."""
