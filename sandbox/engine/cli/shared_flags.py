"""Flags that several commands have."""

from __future__ import annotations

from sandbox.engine.cli.flags import switch, text

STACK = text("stack", "The stack to work on; the selected one by default", "s")
CONFIG_FILE = text("config-file", "Read and write configuration in this file")
YES = switch("yes", "Do it without asking", "y")
JSON = switch("json", "Print JSON", "j")
SHOW_SECRETS = switch("show-secrets", "Show secret values in plain text")
PATH = switch("path", "The key is a path into a map or list")
