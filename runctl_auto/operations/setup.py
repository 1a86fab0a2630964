"""``setup``: installs the engine, the language host beside it, and the provider's plugin for real clouds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runctl_auto.engine.automation_edge import install_plugin
from runctl_auto.engine.choice import Engine, choose_engine
from runctl_auto.engine.install.installation import How, Installed, Source, install
from runctl_auto.engine.install.place import installed
from runctl_auto.engine.install.stages import Progress, no_progress
from runctl_auto.engine.language.beside_engine import install_beside
from runctl_auto.engine.language.errors import LanguageHostError
from runctl_auto.errors import EngineError, EngineNotFoundError, RunctlError
from runctl_auto.settings.schema import Settings

PROVIDER = "aws"


@dataclass(frozen=True)
class Plugin:
    """A provider's plugin. ``installed`` is false when it was there before; ``problem`` says why it is
    missing."""

    name: str
    version: str
    installed: bool
    problem: str | None = None


@dataclass(frozen=True)
class SetupResult:
    """The engine that commands use from now on. ``how`` is None when it was there before."""

    engine: Engine
    how: How | None
    seconds: float
    plugins: tuple[Plugin, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.engine.root),
            "version": self.engine.version.removeprefix("v"),
            "why": self.engine.why,
            "how": self.how,
            "seconds": round(self.seconds, 1),
            "plugins": [vars(each) for each in self.plugins],
        }


@dataclass(frozen=True)
class Tools:
    """What setup works with, replaceable in tests."""

    choose: Callable[[str | None, Mapping[str, str]], Engine] = choose_engine
    install: Callable[[Mapping[str, str], Source, Progress], Installed] = install
    install_beside: Callable[[Path], list[Path]] = install_beside
    install_plugin: Callable[[Path, str, str], bool] = install_plugin


def setup(
    settings: Settings,
    environ: Mapping[str, str],
    source: Source = "auto",
    progress: Progress = no_progress,
    tools: Tools | None = None,
) -> SetupResult:
    """Installs what is missing. Blocks for minutes when the engine has to be built. Idempotent.

    With ``source`` auto an engine that settings name or that is on PATH is used as it is. Otherwise the
    pinned one is installed for this person. The sandbox needs no provider plugin. A plugin that cannot be
    installed is in the result with its problem. Raises ``EngineNotFoundError`` and ``EngineInstallError``.
    """
    tools = tools or Tools()
    skips = source == "auto" and _is_there(settings, environ, tools)
    done = None if skips else tools.install(environ, source, progress)
    engine = tools.choose(settings.engine.path, environ)
    own = installed(environ)
    if own is not None:
        try:
            tools.install_beside(own / "bin")
        except LanguageHostError as error:
            raise EngineError(error.what, next_step=error.next_step) from error
    plugins = () if settings.sandbox else (_plugin(engine, tools),)
    return SetupResult(engine, done.how if done else None, done.seconds if done else 0.0, plugins)


def _is_there(settings: Settings, environ: Mapping[str, str], tools: Tools) -> bool:
    try:
        tools.choose(settings.engine.path, environ)
    except EngineNotFoundError:
        if settings.engine.path or environ.get("RUNCTL_ENGINE"):
            raise  # one that is named and cannot be used is not replaced in silence
        return False
    return True


def _plugin(engine: Engine, tools: Tools) -> Plugin:
    wanted = version("pulumi_aws")
    try:
        return Plugin(PROVIDER, wanted, tools.install_plugin(engine.root, PROVIDER, wanted))
    except RunctlError as error:
        return Plugin(PROVIDER, wanted, installed=False, problem=str(error))
