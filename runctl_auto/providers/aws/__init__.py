"""Calls to the cloud outside the engine."""
