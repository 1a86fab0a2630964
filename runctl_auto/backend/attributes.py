"""Attribute files of a ``file://`` backend that a killed engine left unreadable.

The engine writes ``FILE.attrs`` (content type and checksum, as JSON) in place, just before it renames a
finished ``FILE``. An engine that is killed in between leaves it empty, and from then on no engine can read
``FILE``: "failed to load checkpoint: EOF". A file without attributes is read with defaults, so that removing
the attribute file is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

_SUFFIX = ".attrs"


def remove_unreadable(root: Path, project: str, stack: str) -> tuple[Path, ...]:
    """Removes the unreadable attribute files of a stack; what was removed. Idempotent.

    ``root`` is the backend's ``.pulumi``. Harmless beside an engine that works. Raises OSError when one
    cannot be removed.
    """
    removed = [each for each in _attribute_files(root, project, stack) if _is_unreadable(each)]
    for each in removed:
        each.unlink(missing_ok=True)
    return tuple(removed)


def _attribute_files(root: Path, project: str, stack: str) -> Iterator[Path]:
    yield from root.glob(f"*{_SUFFIX}")
    yield from (root / "stacks" / project).glob(f"{stack}.json*{_SUFFIX}")
    yield from (root / "locks" / "organization" / project / stack).glob(f"*{_SUFFIX}")
    yield from (root / "history" / project / stack).glob(f"*{_SUFFIX}")


def _is_unreadable(file: Path) -> bool:
    """Whether the file is not JSON. One that is gone meanwhile is fine."""
    try:
        json.loads(file.read_bytes())
    except FileNotFoundError:
        return False
    except ValueError:
        return True
    return False
