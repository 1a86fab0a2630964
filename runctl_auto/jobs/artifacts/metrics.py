"""What a run left behind, as it is shown."""

from __future__ import annotations

import json
from typing import Any

from runctl_auto.jobs.artifacts.fetch import Download

_MAX_METRICS_BYTES = 100_000


def read_metrics(download: Download | None) -> dict[str, Any]:
    """The content of the artifact ``metrics.json``, wherever it lies; empty when there is none to read."""
    if download is None:
        return {}
    for name in download.files:
        file = download.folder / name
        if file.name != "metrics.json" or file.stat().st_size > _MAX_METRICS_BYTES:
            continue
        try:
            content = json.loads(file.read_text(encoding="utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            return content
    return {}
