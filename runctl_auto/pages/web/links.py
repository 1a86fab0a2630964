"""The addresses of pages, relative to one another: all lie in one folder."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from runctl_auto.pages.looks.sorting import Shown

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Links:
    """``is_export``: the pages are files."""

    is_export: bool = False

    @property
    def index(self) -> str:
        return "index.html" if self.is_export else "./"

    def page(self, name: str) -> str:
        """One of ``costs``, ``leaks`` and ``receipts``."""
        return f"{name}.html" if self.is_export else name

    def job(self, name: str) -> str:
        return quote(job_file(name)) if self.is_export else f"job-{quote(name, safe='')}"

    def log(self, name: str) -> str:
        return f"log-{quote(name, safe='')}"

    def sorted_by(self, order: str, shown: Shown) -> str:
        """The index in another order, with the same filters."""
        told = {"order": order, "phase": shown.phase, "owner": shown.owner, "text": shown.text}
        return f"./?{urlencode({key: value for key, value in told.items() if value})}"


def job_file(name: str) -> str:
    """The name of the file of a job's page; one of its own for every job."""
    if _FILE_NAME.fullmatch(name):
        return f"job-{name}.html"
    return f"job-.{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}.html"
