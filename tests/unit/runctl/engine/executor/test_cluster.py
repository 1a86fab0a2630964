"""Connecting to a cluster: without the extra, and what a lost task looks like."""

from __future__ import annotations

import pytest

from runctl_auto.engine.executor import cluster
from runctl_auto.errors import ExtraMissingError


def test_without_the_extra_its_installation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "missing_modules", lambda modules: {"missing": "distributed"})
    with pytest.raises(ExtraMissingError, match=r"runctl\[dask\]") as raised:
        cluster.connect("tcp://127.0.0.1:1")
    assert raised.value.exit_code == 7
    assert "install" in (raised.value.next_step or "")
