"""Addresses of backends: which folder `file://…` means."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from sandbox.engine.backend.errors import UnsupportedBackendError

SCHEME = "file://"


class Location:
    """A backend's address as it was given, and the folder it means (made when it is missing)."""

    def __init__(self, url: str, current_folder: Path) -> None:
        if not url.startswith(SCHEME):
            kind = url.partition("://")[0] if "://" in url else url
            raise UnsupportedBackendError(
                f"backend '{kind}' is not supported by this engine; it keeps state in folders only "
                "(`file://…`): set PULUMI_BACKEND_URL, the project's `backend`, or `pulumi login file://~`"
            )
        self.url = url
        path, _, query = url[len(SCHEME) :].partition("?")
        self.folder = _absolute(path, current_folder)
        self._query = dict(parse_qsl(query))

    @property
    def resolved_url(self) -> str:
        """The address with an absolute path and the parameters in force."""
        query = {**self._query, "no_tmp_dir": "true"}
        return f"{SCHEME}{self.folder}?{urlencode(sorted(query.items()))}"

    def url_of(self, key: str) -> str:
        """The address of one file in the backend."""
        base, _, query = self.resolved_url.partition("?")
        return f"{base}/{key}?{query}"


def _absolute(path: str, current_folder: Path) -> Path:
    if path == "~" or path.startswith("~/"):
        return Path.home() / path[2:]
    absolute = current_folder / path
    return Path(*absolute.parts) if ".." not in absolute.parts else absolute.resolve()
