"""Metrics on the machine: what the training tells, how the machine is used, where both are kept."""
