"""Compares what exists in the cloud with what stacks manage, and removes what is left over."""
