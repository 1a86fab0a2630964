"""Traces: what a command, its engine and its machines did, sent to a collector or written to a file."""
