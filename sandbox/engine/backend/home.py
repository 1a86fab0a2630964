"""What `PULUMI_HOME` remembers for a person: the backend logged in to, the stack of each project."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.engine.backend.errors import BackendError


class PulumiHome:
    """The folder; files in it are private to the person."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        configured = environment.get("PULUMI_HOME")
        self.folder = Path(configured) if configured else Path.home() / ".pulumi"

    def current_backend(self) -> str | None:
        """The address of the backend logged in to."""
        current = self._read(self._credentials()).get("current")
        return current if isinstance(current, str) and current else None

    def log_in(self, url: str) -> None:
        """Remembers a backend as the current one."""
        credentials = self._read(self._credentials())
        credentials["current"] = url
        accounts = dict(credentials.get("accounts") or {})
        accounts.setdefault(url, {"lastValidatedAt": "0001-01-01T00:00:00Z"})
        credentials["accounts"] = accounts
        tokens = dict(credentials.get("accessTokens") or {})
        tokens.setdefault(url, "")
        credentials["accessTokens"] = tokens
        self._write(self._credentials(), credentials)

    def log_out(self, url: str | None) -> None:
        """Forgets one backend, or all when `url` is None."""
        credentials = self._read(self._credentials())
        if url is None:
            credentials = {}
        else:
            if credentials.get("current") == url:
                credentials.pop("current")
            for section in ("accounts", "accessTokens"):
                entries = dict(credentials.get(section) or {})
                entries.pop(url, None)
                credentials[section] = entries
        self._write(self._credentials(), credentials)

    def selected_stack(self, project: str, project_file: Path, backend_url: str) -> str | None:
        """The qualified name of the stack selected in a project, for one backend."""
        settings = self._read(self._workspace(project, project_file))
        stacks = settings.get("stacks")
        if isinstance(stacks, dict) and backend_url in stacks:
            return str(stacks[backend_url])
        legacy = settings.get("stack")
        return str(legacy) if legacy else None

    def select_stack(self, project: str, project_file: Path, backend_url: str, name: str | None) -> None:
        """Remembers the stack selected in a project; None forgets it."""
        path = self._workspace(project, project_file)
        settings = self._read(path)
        stacks = dict(settings.get("stacks") or {})
        if name is None:
            stacks.pop(backend_url, None)
            settings.pop("stack", None)
        elif stacks.get(backend_url) == name:
            return
        else:
            stacks[backend_url] = name
        settings.pop("stacks", None)
        if stacks:
            settings["stacks"] = stacks
        if settings:
            self._write(path, settings)
        else:
            path.unlink(missing_ok=True)

    def _credentials(self) -> Path:
        return self.folder / "credentials.json"

    def _workspace(self, project: str, project_file: Path) -> Path:
        digest = hashlib.sha1(str(project_file).encode(), usedforsecurity=False).hexdigest()
        return self.folder / "workspaces" / f"{project}-{digest}-workspace.json"

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            document = json.loads(path.read_text(encoding="utf-8") or "{}")
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise BackendError(f"could not parse file {path}: {error}") from error
        return document if isinstance(document, dict) else {}

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(document, indent=4))
        Path(temporary).replace(path)
