"""Symbolic links of a work folder: only those that stay inside travel."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from runctl_auto.errors import PackagingError


def target_inside(top: Path, path: Path) -> str:
    """The target of the link at ``path``, as written; it may name nothing.

    Raises PackagingError for a link that leads out of ``top``, also through other links, or to itself.
    """
    target = str(path.readlink())
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refused(top, path, "is a link that leads back to itself", "Remove it") from error
    lexical = Path(os.path.normpath(path.parent / target))
    real = path.parent.joinpath(target).resolve()
    if Path(target).is_absolute() or not lexical.is_relative_to(top) or not real.is_relative_to(top):
        what = f"is a link that leads out of the work folder, to {target}"
        step = "Copy what it points to into the work folder, make the link relative"
        raise _refused(top, path, what, step)
    return target


def _refused(top: Path, path: Path, what: str, step: str) -> PackagingError:
    return PackagingError(
        f"{path.relative_to(top)} {what}",
        where={"path": str(path)},
        next_step=f"{step}, or name it in .runctlignore.",
    )
