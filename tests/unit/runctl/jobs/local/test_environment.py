"""What a job inherits of the caller's environment: a list of what may pass."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.jobs.local.environment import inherited

SHORT, LONG = Path("/p/tmp"), Path("/") / ("p" * 80)


def test_programs_are_found_and_secrets_stay() -> None:
    shell = {
        "PATH": "/opt/bin:/usr/bin",
        "VIRTUAL_ENV": "/venv",
        "LC_ALL": "C.UTF-8",
        "AWS_SECRET_ACCESS_KEY": "s",
        "HF_TOKEN": "t",
        "HTTPS_PROXY": "http://user:password@proxy",
    }
    found, note = inherited(shell, SHORT)
    assert found == {
        "PATH": "/opt/bin:/usr/bin",
        "VIRTUAL_ENV": "/venv",
        "LC_ALL": "C.UTF-8",
        "TMPDIR": "/p/tmp",
    }
    assert note is None


def test_sockets_need_a_short_path() -> None:
    found, note = inherited({"TMPDIR": "/scratch"}, LONG)
    assert found == {"TMPDIR": "/scratch"}
    assert note is not None
    assert "/scratch" in note
