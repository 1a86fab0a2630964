"""`pulumi plugin`"""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

from sandbox.engine.cli.errors import CommandError, ExitCode, UnsupportedError
from sandbox.engine.cli.relative_time import ago
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import indented

_KINDS = ("analyzer", "language", "resource", "converter", "tool")


class _Plugin:
    """A plugin's folder in the home folder: `kind-name-vVERSION`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kind, _, rest = folder.name.partition("-")
        self.name, _, self.version = rest.rpartition("-v")

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @property
    def installed(self) -> datetime:
        return datetime.fromtimestamp(self.folder.stat().st_mtime, timezone.utc)


def list_plugins(session: Session) -> None:
    """Lists the plugins in the home folder; attached providers and those on PATH are not among them."""
    plugins = _installed(session)
    if session.flags.on("json"):
        session.print(indented([_json(plugin) for plugin in plugins]))
        return
    rows = [
        (p.name, p.kind, p.version, _size_text(p.size), ago(p.installed), ago(p.installed)) for p in plugins
    ]
    session.print(table(("NAME", "KIND", "VERSION", "SIZE", "INSTALLED", "LAST USED"), rows), end="")
    session.print(f"\nTOTAL plugin cache size: {_size_text(sum(p.size for p in plugins))}")


def install(session: Session) -> None:
    """Refuses: this engine downloads nothing."""
    what = " ".join(session.arguments) or "the plugins of the project"
    raise UnsupportedError(
        f"installing {what}",
        "attach the provider (PULUMI_DEBUG_PROVIDERS=name:port) or put pulumi-resource-NAME on PATH",
    )


def remove(session: Session) -> None:
    """Removes plugins from the home folder."""
    wanted = dict(zip(("kind", "name", "version"), session.arguments, strict=False))
    if wanted.get("kind", "resource") not in _KINDS:
        raise CommandError(f"unrecognized plugin kind: {wanted['kind']}")
    if not wanted and not session.flags.on("all"):
        raise CommandError("please pass --all if you'd like to remove all plugins")
    found = [p for p in _installed(session) if all(getattr(p, key) == value for key, value in wanted.items())]
    if not found:
        session.print("no plugins found to uninstall")
        return
    if not session.flags.on("yes"):
        if not session.interactive:
            raise CommandError(
                "--yes must be passed in to proceed when running in non-interactive mode",
                ExitCode.BAD_CONFIGURATION,
            )
        session.confirm(f"This will remove {len(found)} plugins. Type `yes` to confirm:", "yes")
    for plugin in found:
        shutil.rmtree(plugin.folder)
        session.print(f"removed: {plugin.kind} {plugin.name}-v{plugin.version}")


def _installed(session: Session) -> list[_Plugin]:
    folder = session.home.folder / "plugins"
    if not folder.is_dir():
        return []
    return [_Plugin(path) for path in sorted(folder.iterdir()) if path.is_dir() and "-v" in path.name]


def _size_text(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _json(plugin: _Plugin) -> dict[str, object]:
    time = plugin.installed.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "name": plugin.name,
        "kind": plugin.kind,
        "version": plugin.version,
        "size": plugin.size,
        "installTime": time,
        "lastUsedTime": time,
    }
