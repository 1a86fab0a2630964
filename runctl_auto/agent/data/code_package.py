"""The job's code: a tar.gz from the store, verified by its hash, unpacked into the work folder; of a large
folder it lists parts, which are fetched side by side.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from runctl_auto.agent.data.parts_listing import parts_in
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.packages import MOST_PACKAGE_BYTES, PARTS_LISTING, PartJson, package_key
from runctl_auto.agent.saving.file_tree import remove_folder
from runctl_auto.agent.spec import inside
from runctl_auto.agent.store.parallel import for_each
from runctl_auto.agent.store.store import Store

_PARTS_AT_ONCE = 4


def fetch_code(
    store: Store,
    key: str,
    sha256: str,
    work: Path,
    *,
    unpacked: Callable[[Path], object] = lambda _: None,
) -> bool:
    """Unpacks the code into `work`; False if it is there already (and may hold files of the job by now).

    `unpacked` is called with the folder as it was unpacked, before it becomes `work`. Raises
    IntegrityError for a package whose hash differs or that would write outside `work`.
    """
    marker = work.with_name("code.sha256")
    if work.is_dir() and marker.is_file() and marker.read_text(encoding="ascii") == sha256:
        return False
    work.parent.mkdir(parents=True, exist_ok=True)
    package, draft = work.with_name("code.tar.gz"), work.with_name("work.new")
    found = store.download(key, package, MOST_PACKAGE_BYTES)
    if found != sha256:
        raise IntegrityError(f"the code package {key} has sha256 {found}, expected {sha256}")
    remove_folder(draft)
    parts = unpack(package, draft)
    package.unlink()
    for_each(parts, lambda part: _fetch_part(store, part, draft), _PARTS_AT_ONCE)
    unpacked(draft)
    remove_folder(work)
    draft.rename(work)
    marker.write_text(sha256, encoding="ascii")
    return True


def _fetch_part(store: Store, part: PartJson, draft: Path) -> None:
    """Fetches a part and unpacks it beside the others; it takes its size on the disk once more meanwhile."""
    file = draft.with_name(f"code-{part['sha256']}.tar")
    key = package_key("part", part["sha256"])
    try:
        found = store.download(key, file, part["bytes"])
        if found != part["sha256"]:
            raise IntegrityError(f"the part {key} of the code has sha256 {found}")
        with _opened(file, "r:") as archive:
            for member in archive:
                _unpack_member(archive, member, draft)
    finally:
        if file.exists():
            file.unlink()


def unpack(package: Path, target: Path) -> tuple[PartJson, ...]:
    """Unpacks folders, regular files and links that stay inside; raises IntegrityError for anything else.

    Returns the parts that the package lists: their files belong to `target`, too.
    """
    target.mkdir(parents=True)
    parts: tuple[PartJson, ...] = ()
    with _opened(package, "r:gz") as archive:
        for number, member in enumerate(archive):
            if number == 0 and member.name == PARTS_LISTING:
                content = archive.extractfile(member)
                parts = parts_in(content.read() if content is not None else b"")
            else:
                _unpack_member(archive, member, target)
    return parts


@contextmanager
def _opened(package: Path, mode: Literal["r:", "r:gz"]) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(package, mode) as archive:
            yield archive
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise IntegrityError(f"the code package cannot be unpacked: {error}") from error


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    name = inside(member.name)
    if name == ".":
        return
    path = target / name
    _refuse_linked_parent(path, target)
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        if member.linkname.startswith("/") or not _is_below(path.parent / member.linkname, target):
            raise ValueError(f"link {name} leads out of the package")
        path.symlink_to(member.linkname)
    elif member.isreg():
        content = archive.extractfile(member)
        if content is None:
            raise AgentError(f"{name} has no content")
        with content, path.open("xb") as file:
            shutil.copyfileobj(content, file)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise ValueError(f"{name} is neither file, folder nor link")


def _refuse_linked_parent(path: Path, target: Path) -> None:
    for parent in path.parents:
        if parent == target:
            return
        if parent.is_symlink():
            raise ValueError(f"{path.name} would be written through a link")


def _is_below(path: Path, folder: Path) -> bool:
    normal = Path(os.path.normpath(path))
    return normal == folder or folder in normal.parents
