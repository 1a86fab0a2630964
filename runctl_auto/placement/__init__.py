"""Placement of a run: the offers of all providers, ordered, and failover."""
