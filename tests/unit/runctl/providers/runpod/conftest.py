from __future__ import annotations

from pathlib import Path

import pytest
from support.runpod_account import RunpodUnderTest


@pytest.fixture
def runpod(tmp_path: Path) -> RunpodUnderTest:
    return RunpodUnderTest(tmp_path)
