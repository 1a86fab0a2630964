"""Verbs that a job of this machine does in another way than one with a stack."""
