"""Files of a job's machine: fetched and sent by way of the job's bucket, verified on both sides."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from runctl_auto.agent.contract import MOST_MANIFEST_BYTES, SCHEMA
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.keys import file_key, manifest_key
from runctl_auto.agent.reach.reach_contract import (
    GIVE,
    TAKE,
    FilesRequestJson,
    exec_output_prefix,
    exec_request_key,
    exec_request_prefix,
)
from runctl_auto.agent.saving.manifest import Manifest, StoredFile, StoredFolder
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.saving.sparse import sha256_of
from runctl_auto.errors import RemoteCommandError, UsageError
from runctl_auto.jobs.artifacts.fetch import place_artifacts
from runctl_auto.jobs.reach.admission import admit
from runctl_auto.jobs.reach.exchange import Exchange
from runctl_auto.jobs.reach.machine import ReachedMachine
from runctl_auto.jobs.reach.remote_script import LONGEST_SECONDS, RemoteScript
from runctl_auto.transfer.entries import LocalEntry, Untransferable
from runctl_auto.transfer.fetch_tree import download
from runctl_auto.transfer.options import Options, Outcome
from runctl_auto.transfer.send_tree import source_tree, upload


def fetch_from_machine(
    machine: ReachedMachine, path: str, target: Path, options: Options, *, into: bool
) -> Outcome:
    """Fetches the file or folder ``path`` of the machine. A file becomes ``target``, or lies in it if that is
    a folder or ``into`` says so; of a folder the content, to ``target``, which must be empty or absent.

    Blocks. Raises ``MachineNotReachableError``, ``RemoteCommandError`` for what the machine cannot give.
    """
    admit(machine, "transfer")
    data = machine.provider.bucket(machine.results.name, machine.config.account)
    with _asked(machine, GIVE, path, secrets.token_hex(8), is_folder=False) as (told, identity):
        prefix = exec_output_prefix(machine.run, identity)
        content = machine.results.objects().get(manifest_key(prefix), MOST_MANIFEST_BYTES)
        manifest = _parsed(content)
        place = _target(path, target, is_folder=told, into=into)
        place.parent.mkdir(parents=True, exist_ok=True)
        arriving = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
        try:
            files = arriving / "content"
            outcome = Outcome(files=0, bytes=0, same=0)
            if manifest.files:
                outcome = download(data, file_key(prefix, ""), files, options)
            place_artifacts(manifest, machine.run, files)
            if told:
                if place.exists():
                    place.rmdir()
                files.replace(place)
            else:
                (files / manifest.files[0].path).replace(place)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)
    left = tuple(Untransferable(path=each.path, why=each.why) for each in manifest.problems)
    return replace(outcome, unverified=(), not_transferable=left)  # all were verified, by the manifest


def send_to_machine(
    machine: ReachedMachine, source: Path, path: str, journals: Path, options: Options
) -> Outcome:
    """Sends the file ``source`` to ``path`` of the machine (into it, if that is a folder or ends in a slash),
    or the content of a folder to the folder ``path``; what else is there stays.

    Blocks. The same command continues one that was stopped. Raises as ``fetch_from_machine``.
    """
    admit(machine, "transfer")
    named = json.dumps([machine.run, os.fspath(source.resolve()), path])
    identity = hashlib.sha256(named.encode(errors="surrogatepass")).hexdigest()[:16]
    prefix = exec_request_prefix(machine.run, identity)
    data = machine.provider.bucket(machine.results.name, machine.config.account)
    key = file_key(prefix, "")
    tree, _, root = source_tree(source, key, options)
    manifest, left = _manifest(tree.entries, source, root)
    outcome = upload(source, data, key, journals, options)
    machine.results.objects().put(manifest_key(prefix), manifest.to_json(), "application/json")
    with _asked(machine, TAKE, path, identity, is_folder=source.is_dir()):
        pass
    return replace(outcome, not_transferable=(*outcome.not_transferable, *left))


@contextmanager
def _asked(
    machine: ReachedMachine, verb: str, path: str, identity: str, *, is_folder: bool
) -> Iterator[tuple[bool, str]]:
    """Has the machine give or take files; whether they are a folder's, and the exchange's name. Its objects
    are deleted at the end."""
    store = machine.results.objects()
    request: FilesRequestJson = {"schema": SCHEMA, "path": path, "is_folder": is_folder}
    content = json.dumps(request).encode()
    store.put(exec_request_key(machine.run, identity), content, "application/json")
    digest = hashlib.sha256(content).hexdigest()
    script = RemoteScript(machine, [verb, identity, digest], what="transfer", seconds=LONGEST_SECONDS)
    try:
        text = script.run()
        yield _is_folder(text), identity
    finally:
        Exchange(store, machine.run, identity, lambda *_: None).forget()


def _is_folder(text: str) -> bool:
    try:
        told: Any = json.loads(text)
        return bool(told["is_folder"])
    except (ValueError, KeyError, TypeError) as error:
        raise RemoteCommandError(f"The machine's answer cannot be read: {error!r}") from error


def _parsed(content: bytes) -> Manifest:
    try:
        return parse_manifest(content)
    except AgentError as error:
        raise RemoteCommandError(f"The machine's list of files cannot be read: {error}") from error


def _target(path: str, target: Path, *, is_folder: bool, into: bool) -> Path:
    if is_folder:
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise UsageError(f"{target} exists and is not an empty folder.", next_step="Name another folder.")
        return target
    return target / PurePosixPath(path).name if into or target.is_dir() else target


def _manifest(
    entries: dict[str, LocalEntry], source: Path, root: Path | None
) -> tuple[Manifest, tuple[Untransferable, ...]]:
    """The list of what is sent, and links that lead out of the tree, which are not."""
    files, folders, links, left = [], [], {}, []
    for path, entry in sorted(entries.items()):
        place = source if root is None else root / path
        if entry.kind == "file":
            digest = sha256_of(place, None)
            files.append(StoredFile(path, entry.size, digest, entry.mode & 0o7777, entry.mtime_ns))
        elif entry.kind == "folder":
            folders.append(StoredFolder(path, entry.mode & 0o7777, entry.mtime_ns))
        else:
            link = os.fspath(place.readlink())
            inside = os.path.normpath(PurePosixPath(path).parent / link)
            if inside.startswith("/") or inside.split("/")[0] == "..":
                left.append(Untransferable(path=path, why="is a link that leads out of the tree"))
            else:
                links[path] = link
    return Manifest(tuple(files), links=links, folders=tuple(folders)), tuple(left)
