"""Script: downloads an archive of Pulumi, checks it, and unpacks its programs.

``python -I official_download.py SHA256 ROOT URL``

Nothing of the archive is read before its checksum is right, and nothing of it is run. A process of its own,
so that an interruption ends it. Needs the standard library only.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
import urllib.request
from pathlib import Path, PurePosixPath
from typing import IO

_CHUNK = 1024 * 1024
_LARGEST = 1024 * _CHUNK
_TIMEOUT_SECONDS = 60.0
_FOLDER = "pulumi"


class WrongArchiveError(Exception):
    """The archive is not the one that the project pins, or holds what it should not."""


def fetch(url: str, file: Path, sha256: str) -> None:
    """Downloads ``url`` into ``file``. Raises ``WrongArchiveError``, and ``OSError`` without a connection."""
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer, file.open("wb") as stream:  # noqa: S310
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > _LARGEST:
                raise WrongArchiveError(f"{url} has more than {_LARGEST} bytes")
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != sha256:
        raise WrongArchiveError(f"{url} has the checksum {digest.hexdigest()}, and {sha256} is pinned")


def unpack(archive: IO[bytes], target: Path) -> None:
    """Puts the programs of an archive, all files of its one folder, into the new folder ``target``."""
    target.mkdir(parents=True)
    with tarfile.open(fileobj=archive, mode="r:gz") as members:
        for member in members:
            if member.isdir():
                continue
            path = PurePosixPath(member.name)
            content = members.extractfile(member) if member.isreg() else None
            if content is None or len(path.parts) != 2 or path.parts[0] != _FOLDER or path.name == "..":
                raise WrongArchiveError(f"the archive holds {member.name!r}, which is no program of Pulumi")
            with content, (target / path.name).open("xb") as program:
                shutil.copyfileobj(content, program)
            (target / path.name).chmod(0o755)


def main(arguments: list[str]) -> int:
    sha256, root, url = arguments
    file = Path(root).with_name("archive.tar.gz")
    try:
        fetch(url, file, sha256)
        with file.open("rb") as archive:
            unpack(archive, Path(root) / "bin")
    except (OSError, tarfile.TarError, WrongArchiveError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    finally:
        file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
