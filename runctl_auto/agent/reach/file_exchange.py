"""Files that a person fetches from the machine or sends to it, by way of the job's bucket."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import MOST_MANIFEST_BYTES, SCHEMA
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.keys import manifest_key
from runctl_auto.agent.reach.reach_contract import (
    MOST_EXEC_BYTES,
    FilesRequestJson,
    FilesResultJson,
    exec_output_prefix,
    exec_request_key,
    exec_request_prefix,
)
from runctl_auto.agent.saving.artifacts import WILDCARDS, collect, upload_files
from runctl_auto.agent.saving.file_tree import remove_folder
from runctl_auto.agent.saving.manifest import Manifest
from runctl_auto.agent.saving.manifest_reading import parse_manifest
from runctl_auto.agent.saving.restoring import Restoring
from runctl_auto.agent.store.store import Store


@dataclass(frozen=True)
class FileExchange:
    """One request of a run, named ``identity``, with the digest ``sha256`` that it must have. ``resolve``
    gives the place of an absolute path on this machine.
    """

    store: Store
    run: str
    identity: str
    sha256: str
    resolve: Callable[[str], Path]

    def give(self) -> FilesResultJson:
        """Stores the file or folder. Raises AgentError, also when there is none, and OSError."""
        request = self._request()
        place = self._place(request)
        if place.is_dir():
            work, path = place, "."
        else:
            work, path = place.parent, place.name
        if not os.path.lexists(place):
            raise AgentError(f"{request['path']} does not exist on the machine")
        found = collect(work, [glob.escape(path) if _has_wildcards(path) else path], lambda _: None)
        prefix = exec_output_prefix(self.run, self.identity)
        scratch = Path(tempfile.mkdtemp(prefix="runctl-"))
        try:
            manifest = upload_files(self.store, prefix, work, found, scratch)
        finally:
            remove_folder(scratch)
        return _result(manifest, is_folder=place.is_dir())

    def take(self) -> FilesResultJson:
        """Writes the files to their place, each whole or not at all; what else is there stays.

        Raises AgentError and OSError; of a large tree, some files may have been replaced then.
        """
        request = self._request()
        prefix = exec_request_prefix(self.run, self.identity)
        manifest = parse_manifest(self.store.get(manifest_key(prefix), MOST_MANIFEST_BYTES))
        place = self._place(request)
        is_into = request["is_folder"] or request["path"].endswith("/") or place.is_dir()
        folder = place if is_into else place.parent
        folder.mkdir(parents=True, exist_ok=True)
        arriving = Path(tempfile.mkdtemp(prefix=".runctl-", dir=folder))
        try:
            files = arriving / "files"
            Restoring(self.store.download, prefix, files, arriving / "parts").fetch(manifest)
            for each in manifest.folders:
                (folder / each.path).mkdir(parents=True, exist_ok=True)
            for path in (*(file.path for file in manifest.files), *manifest.links):
                target = folder / path if is_into else place
                target.parent.mkdir(parents=True, exist_ok=True)
                (files / path).replace(target)
        finally:
            remove_folder(arriving)
        return _result(manifest, is_folder=request["is_folder"])

    def _request(self) -> FilesRequestJson:
        content = self.store.get(exec_request_key(self.run, self.identity), MOST_EXEC_BYTES)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise IntegrityError("the request is not the one that was sent")
        request: FilesRequestJson = json.loads(content)
        return request

    def _place(self, request: FilesRequestJson) -> Path:
        path = request["path"]
        if not path.startswith("/") or "\0" in path:
            raise AgentError("the path is not absolute")
        return self.resolve(os.path.normpath(path))


def _has_wildcards(path: str) -> bool:
    return any(sign in path for sign in WILDCARDS)


def _result(manifest: Manifest, *, is_folder: bool) -> FilesResultJson:
    return {
        "schema": SCHEMA,
        "is_folder": is_folder,
        "files": len(manifest.files),
        "bytes": manifest.total_bytes,
    }
