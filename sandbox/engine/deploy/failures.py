"""Failures that end an operation."""

from __future__ import annotations


class Bail(Exception):
    """The operation cannot go on, and people have been told why."""


class GenerationError(Exception):
    """No step can be found for a resource; the message says why."""
