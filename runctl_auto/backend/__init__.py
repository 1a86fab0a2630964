"""Pulumi's store, read without an engine."""
