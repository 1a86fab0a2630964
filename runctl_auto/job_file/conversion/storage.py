"""What another tool mounts on the machine: data in buckets, files that travel, volumes, results."""

from __future__ import annotations

import posixpath
import re
import shlex

from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.conversion.variables import has_reference
from runctl_auto.job_file.field_types import is_mount_point
from runctl_auto.job_file.plain_values import Location

DEFAULT_VOLUME = "100GB"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")


def add_data(draft: Draft, location: Location, source: str, destination: str, *, is_mount: bool) -> None:
    """Data in a bucket, at ``destination`` on the machine; what no bucket of S3 holds is remarked on."""
    if has_reference(source) or not _BUCKET.fullmatch(source):
        what = "a bucket whose name is not known here" if has_reference(source) else "a source outside S3"
        draft.remark(location, f"is {what}: copy it in setup, or name an S3 address in data")
        return
    path = _place_in_work_folder(destination)
    draft.fields.setdefault("data", []).append({"source": source, "path": path})
    link(draft, f"$PWD/{path}", destination, unless=path)
    if is_mount:
        draft.remark(
            location, "is copied before setup; what the job writes there is not stored in the bucket"
        )


def add_local(draft: Draft, location: Location, source: str, destination: str) -> None:
    """Files of this machine, which travel when they lie in the work folder."""
    workdir = posixpath.normpath(str(draft.fields.get("workdir", ".")))
    path = (
        posixpath.relpath(posixpath.normpath(source), workdir) if not source.startswith(("/", "~")) else ".."
    )
    if path == ".." or path.startswith("../"):
        draft.remark(location, "lies outside the work folder; only what is in it travels")
        return
    link(draft, "$PWD" if path == "." else f"$PWD/{path}", destination, unless=path)


def add_output(draft: Draft, location: Location, destination: str) -> None:
    """A bucket that the job writes to: its folder becomes the one for results, or for checkpoints."""
    folder = "RUNCTL_CHECKPOINT_DIR" if "checkpoint" in destination.lower() else "RUNCTL_OUTPUT_DIR"
    link(draft, f"${folder}", destination)
    kept = "saved while the job runs" if folder == "RUNCTL_CHECKPOINT_DIR" else "brought home at the end"
    draft.remark(location, f"is no bucket of yours: what is written there is {kept} (${folder})")


def add_volume(draft: Draft, location: Location, name: str, destination: str, size: str | None) -> None:
    """A disk that outlives the machine."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:30].rstrip("-") or "data"
    mount = destination if is_mount_point(destination) else f"/volumes/{slug}"
    draft.fields.setdefault("volumes", []).append(
        {"name": slug, "mount": mount, "size": size or DEFAULT_VOLUME}
    )
    link(draft, mount, destination, unless=mount)
    if size is None:
        draft.remark(location, f"becomes a new volume of {DEFAULT_VOLUME}: give its size, or the id of one")


def is_address(text: str) -> bool:
    """Whether ``text`` names something on the network, not on this machine."""
    return _SCHEME.match(text) is not None


def link(draft: Draft, target: str, destination: str, *, unless: str | None = None) -> None:
    """Lets the script find ``target`` (in shell) at ``destination``, unless it is there already."""
    destination = destination.rstrip("/") or "/"
    if destination in (unless, f"./{unless}"):
        return
    place = f"$HOME/{destination[2:]}" if destination.startswith("~/") else destination
    quoted = f'"{place}"' if place.startswith("$HOME/") else shlex.quote(place)
    draft.setup.append(f'mkdir -p "$(dirname {quoted})" && ln -sfn "{target}" {quoted}')


def _place_in_work_folder(destination: str) -> str:
    path = posixpath.normpath(destination)
    if not path.startswith(("/", "~", "..")) and path != ".":
        return path
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", path.strip("/~.")).strip("-.") or "files"
    return f"data/{slug}"
