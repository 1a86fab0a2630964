"""The language host that runs the stacks' program and the policy pack for the engines of one command."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from runctl_auto.engine.language.attached import LanguageHost
from runctl_auto.engine.language.errors import LanguageHostError
from runctl_auto.engine.provider_host.host import ProviderHost
from runctl_auto.errors import EngineError

PROVIDER_SDKS = ("pulumi_aws",)
"""SDKs whose provider plugins the program needs."""
PRELOADED = (
    "pulumi",
    "pulumi_policy",
    "runctl_auto.engine.warm_imports",
    "policies.pack",
    "botocore.client",
    "botocore.httpsession",
    "botocore.parsers",
    "botocore.retries.standard",
    "botocore.retryhandler",
    "encodings.idna",
    "tenacity",
    "pydantic.dataclasses",
)
"""What the program and the pack import, loaded once a command and not once a run."""

_PACKAGES = Path(__file__).resolve().parents[2]


class ProgramHost:
    """Starts a language host when it is first needed, or before, and again when it has ended since.

    Threads may share it.
    """

    def __init__(
        self, variables: Mapping[str, str], programs: Sequence[Path], packs: Sequence[Path] = ()
    ) -> None:
        """``variables`` are those of the engine's operations, over this process's environment."""
        self._variables = dict(variables)
        self._programs, self._packs = tuple(programs), tuple(packs)
        self._starting = threading.Lock()
        self._host: LanguageHost | None = None
        self._providers: ProviderHost | None = None

    def start(self) -> None:
        """Starts the host, which imports what programs need meanwhile. Does not block. Idempotent.

        Raises ``EngineError`` when no process can be started.
        """
        self._running()

    def variables(self) -> dict[str, str]:
        """What attaches an engine to the host, for one operation: the next may find another host. Blocks
        until the host serves. Raises ``EngineError``."""
        try:
            return {"PULUMI_DEBUG_LANGUAGES": f"python:{self._running().port()}"}
        except LanguageHostError as error:
            raise _typed(error) from error

    def providers(self) -> ProviderHost:
        """What serves the resources of providers of our own. Starts nothing; it ends with this process."""
        with self._starting:
            if self._providers is None:
                self._providers = ProviderHost(self._variables)
            return self._providers

    def close(self) -> None:
        """Ends the host and what it runs. Blocks until it has ended. Idempotent."""
        with self._starting:
            if self._providers is not None:
                self._providers.close()
                self._providers = None
            if self._host is not None:
                self._host.close()
                self._host = None

    def _running(self) -> LanguageHost:
        with self._starting:
            if self._host is not None and self._host.has_ended():
                self._host.close()
                self._host = None
            if self._host is None:
                self._host = self._started()
            return self._host

    def _started(self) -> LanguageHost:
        try:
            return LanguageHost.start(
                {**os.environ, **self._variables},
                programs=self._programs,
                packs=self._packs,
                packages=PROVIDER_SDKS,
                modules=PRELOADED,
                search=(_PACKAGES,),
                python=sys.executable,
            )
        except LanguageHostError as error:
            raise _typed(error) from error


def _typed(error: LanguageHostError) -> EngineError:
    return EngineError(error.what, next_step=error.next_step or "`runctl doctor` checks the installation.")
