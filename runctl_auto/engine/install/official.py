"""The official release: whether its host answers, and the download of its archive."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runctl_auto.engine.install.archives import HOST, Archive
from runctl_auto.engine.install.errors import EngineInstallError, SourceUnreachableError
from runctl_auto.engine.install.stages import Stages
from runctl_auto.engine.install.work_folder import WorkFolder, require_free_space

if TYPE_CHECKING:
    from runctl_auto.engine.install.machine import Machine

_PROBE_SECONDS = 5.0
_DOWNLOAD_SECONDS = 600.0
_NEEDED_GIB = 1.0
_SCRIPT = Path(__file__).resolve().parent / "official_download.py"


def why_out_of_reach(url: str) -> str | None:
    """Why ``url`` cannot be downloaded; None when its host has it. Blocks for at most five seconds."""
    answers: list[str | None] = []
    probe = threading.Thread(target=lambda: answers.append(_failure_of_request(url)), daemon=True)
    probe.start()
    probe.join(_PROBE_SECONDS)
    return answers[0] if answers else f"no answer within {_PROBE_SECONDS:g} seconds"


def _failure_of_request(url: str) -> str | None:
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - of the project's own list
    try:
        with urllib.request.urlopen(request, timeout=_PROBE_SECONDS):  # noqa: S310
            return None
    except urllib.error.HTTPError as error:
        return f"HTTP status {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error)


def download(
    work: WorkFolder,
    version: str,
    archive: Archive,
    environ: Mapping[str, str],
    *,
    machine: Machine,
    stages: Stages,
) -> None:
    """Puts the release into ``work.root``, if its archive has the pinned checksum. Raises
    ``EngineInstallError``."""
    stages.enter(f"downloading Pulumi {version} from {HOST}")
    require_free_space(work.path, _NEEDED_GIB, machine.free_bytes)

    def watch(_line: str | None) -> None:
        stages.tick()
        if stages.stage_seconds > _DOWNLOAD_SECONDS:
            raise SourceUnreachableError(
                f"The download of Pulumi {version} did not end within {_DOWNLOAD_SECONDS / 60:g} minutes.",
                where={"host": HOST},
                next_step="Repeat, or use `--source build`.",
            )

    result = machine.run(
        [machine.python, "-I", str(_SCRIPT), archive.sha256, str(work.root), archive.url],
        folder=work.path,
        environ={**environ, "TMPDIR": str(work.folder("tmp"))},
        watch=watch,
    )
    if result.code != 0:
        raise EngineInstallError(
            f"The download of Pulumi {version} failed: {' '.join(result.output[-3:])}",
            where={"host": HOST},
            next_step="Check the connection and repeat, or use `--source build`.",
        )
