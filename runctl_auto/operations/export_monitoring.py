"""``export monitoring``: the alerts and the dashboard that come with runctl, as files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.local.atomic_file import replace_file

FILES = ("prometheus.yml", "runctl-alerts.yml", "runctl-dashboard.json")


def export_monitoring(folder: Path) -> tuple[Path, ...]:
    """Writes them to the folder, over those of an earlier export. Raises ``UsageError``."""
    source = files("runctl_auto.observe.metrics") / "monitoring"
    try:
        for name in FILES:
            replace_file(folder / name, (source / name).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"{folder} could not be written: {error.strerror or error}",
            where={"folder": str(folder)},
            next_step="Choose another folder.",
        ) from error
    return tuple(folder / name for name in FILES)
