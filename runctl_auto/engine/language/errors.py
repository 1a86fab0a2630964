"""Errors of the language host. Each message names the cause; ``next_step`` says what to do."""

from __future__ import annotations


class LanguageHostError(Exception):
    """The language host, or what it was asked to run, could not be started."""

    def __init__(self, what: str, *, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.next_step = next_step


class RuntimeOptionsError(LanguageHostError):
    """The options of the python runtime in ``Pulumi.yaml`` or ``PulumiPolicy.yaml`` cannot be followed."""


class FolderRefusedError(LanguageHostError):
    """A folder that is not one of those this host serves."""
