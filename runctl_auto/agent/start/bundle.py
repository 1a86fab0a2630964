"""The agent's bundle: a zip that python3 runs, byte-identical wherever it is built."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Traversable

NOT_IN_BUNDLE = frozenset(
    {
        "bundle.py",
        "user_data.py",
        "used_code.py",
        "same_gzip.py",
        "bootstrap.py",
        "pod_bootstrap.py",
        "pod_start.py",
        "local",
    }
)
EPOCH = (1980, 1, 1, 0, 0, 0)
MAIN = "from runctl_auto.agent.command import main\n\nraise SystemExit(main())\n"


def build_bundle() -> bytes:
    """The bundle. Stored, not compressed: compressors differ, but the agent's hash must not."""
    sources = dict(_sources(files("runctl_auto.agent"), "runctl_auto/agent"))
    sources["runctl_auto/__init__.py"] = ""
    sources["__main__.py"] = MAIN
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, sources[name])
    return buffer.getvalue()


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    """The modules below the folder: their paths in the bundle, and their texts."""
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in NOT_IN_BUNDLE:
            yield from _sources(entry, f"{path}/{entry.name}")
        elif entry.name.endswith(".py") and entry.name not in NOT_IN_BUNDLE:
            yield f"{path}/{entry.name}", entry.read_text(encoding="utf-8")
