"""Where a job's file lies, as its stack records it: which repository says that the job is to be."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ConfigDict, with_config


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True)
class Source:
    """``repository`` is the same wherever the repository is checked out, as far as it has a remote; ``file``
    is relative to its root, with slashes."""

    repository: str
    file: str

    def is_below(self, folder: str) -> bool:
        """Whether the file is in ``folder``, relative to the root; ``.`` is the root."""
        return folder == "." or self.file.startswith(f"{folder}/")
