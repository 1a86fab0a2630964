"""This machine's name."""

from __future__ import annotations

import re
import socket


def host_name() -> str:
    """As a zone of a cloud is written."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()).strip("._-")[:60] or "localhost"
