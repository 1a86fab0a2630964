"""Job files written for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def job_file(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """Writes a job file and gives its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "job.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
