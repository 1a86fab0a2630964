"""The process that serves RunPod's resources: attached beside others, ended with the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.engine.provider_host import host as module
from runctl_auto.engine.provider_host.host import ATTACHED, PACKAGE, ProviderHost
from runctl_auto.errors import EngineError


def test_it_serves_until_it_is_closed_and_again_after_an_end() -> None:
    host = ProviderHost({"RUNPOD_API_KEY": "k", "RUNPOD_ENDPOINT_URL": "http://127.0.0.1:9"})
    try:
        attached = host.variables({ATTACHED: f"aws:1,{PACKAGE}:2"})[ATTACHED].split(",")
        assert attached[0] == "aws:1"
        assert len(attached) == 2
        assert attached[1] != f"{PACKAGE}:2"
        assert host.variables({}) == {ATTACHED: attached[1]}
        process = host._process
        assert process is not None
        process.kill()
        process.wait()
        assert host.variables({})[ATTACHED].startswith(f"{PACKAGE}:")
        again = host._process
        assert again is not None
        assert again.pid != process.pid
    finally:
        host.close()
        host.close()
    assert again.poll() is not None


def test_one_that_does_not_serve_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = tmp_path / "server.py"
    server.write_text(f"import sys; sys.exit({json.dumps('it is broken')})")
    monkeypatch.setattr(module, "_SERVER", server)
    with pytest.raises(EngineError, match="it is broken"):
        ProviderHost({}).variables({})
