"""Which repository a folder of job files belongs to, under a name that is the same in every checkout."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runctl_auto.local.project import project_around
from runctl_auto.packaging.repository import git_folder_of, settings_of_repository
from runctl_auto.stack.source import Source

_SCP_LIKE = re.compile(r"^(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+):(?P<path>(?!//).+)$")


@dataclass(frozen=True)
class Repository:
    """``root`` of the work tree, or of the project where there is none; ``name`` holds no credentials."""

    root: Path
    name: str

    def source(self, file: Path) -> Source:
        """Of a file in it; ``file`` is absolute."""
        return Source(self.name, file.relative_to(self.root).as_posix())

    def below(self, folder: Path) -> str:
        """A folder in it, relative to the root; ``.`` for the root."""
        return folder.relative_to(self.root).as_posix()


def repository_of(folder: Path) -> Repository:
    """The repository of ``folder``: named by its remote ``origin``, else by where it lies on this machine."""
    folder = folder.resolve()
    for root in (folder, *folder.parents):
        git_folder = git_folder_of(root)
        if git_folder is not None:
            remote = settings_of_repository(git_folder).get("remote.origin.url")
            return Repository(root, (remote and remote_name(remote)) or f"local:{root}")
    root = project_around(folder)
    return Repository(root, f"local:{root}")


def remote_name(url: str) -> str | None:
    """``github.com/team/jobs`` for any of the addresses of a repository; None for a path on this machine."""
    parts = urlsplit(url) if "://" in url else None
    if parts is not None:
        host, path = (parts.hostname or "", parts.path) if parts.scheme != "file" else ("", "")
    else:
        matched = _SCP_LIKE.match(url)
        host, path = (matched["host"], matched["path"]) if matched else ("", "")
    name = path.strip("/").removesuffix(".git").rstrip("/")
    return f"{host.lower()}/{name}" if host and name else None
