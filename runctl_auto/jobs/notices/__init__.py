"""Told when it matters: notices that runctl sends itself."""
