"""Settings that hosts inherit from the caller's machine: access to package registries, and trusted CAs.

Only these variables and files are passed; hosts see nothing else of the caller's environment.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SHARED_FOLDERS = ("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted", "/usr")
"""Folders that every host sees at the same path."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
          "PIP_CERT", "PIP_CLIENT_CERT")  # fmt: skip
_CALLERS_OWN = frozenset(
    f"PIP_{name}"
    for name in ("CACHE_DIR", "TARGET", "PREFIX", "ROOT", "USER", "LOG", "SRC", "PYTHON", "REQUIREMENT",
                 "CONSTRAINT", "REQUIRE_VIRTUALENV", "CONFIG_FILE", "BREAK_SYSTEM_PACKAGES")
)  # fmt: skip
_LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class MachineSettings:
    environment: dict[str, str] = field(default_factory=dict)
    folders: tuple[Path, ...] = ()
    """Folders named in the variables that a host must see at the same path (local package folders)."""
    pip_files: dict[str, bytes] = field(default_factory=dict)
    """pip's configuration: `global` and `user`."""


def machine_settings(
    environment: Mapping[str, str], copies: Path, copies_inside: Path, home: Path
) -> MachineSettings:
    """Read the caller's settings.

    Certificates that hosts could not access are copied to `copies`, which hosts see at `copies_inside`.
    """
    chosen = {name: value for name, value in environment.items() if _is_taken(name) and value}
    _keep_loopback_direct(chosen)
    for name in _TRUST:
        if name in chosen:
            chosen[name] = _visible(chosen[name], copies, copies_inside)
    links = [Path(word) for word in chosen.get("PIP_FIND_LINKS", "").split() if word.startswith("/")]
    return MachineSettings(
        chosen, tuple(p for p in links if p.is_dir() and not _is_shared(p)), _pip_files(environment, home)
    )


def is_passed_on(name: str) -> bool:
    """Whether the hosts' process needs this variable of the caller: for hosts, or to find pip's settings."""
    return _is_taken(name) or name in ("PIP_CONFIG_FILE", "XDG_CONFIG_HOME")


def _is_taken(name: str) -> bool:
    if name.lower() in _PROXIES or name in _TRUST:
        return True
    return name.startswith("PIP_") and name not in _CALLERS_OWN


def _keep_loopback_direct(chosen: dict[str, str]) -> None:
    """Exclude loopback, where the emulated cloud is, from proxies."""
    if not any(name.lower() in _PROXIES[:3] for name in chosen):
        return
    for name in ("no_proxy", "NO_PROXY"):
        known = [part for part in chosen.get(name, "").split(",") if part]
        chosen[name] = ",".join([*known, *(part for part in _LOOPBACK if part not in known)])


def _is_shared(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in SHARED_FOLDERS)


def _visible(path: str, copies: Path, copies_inside: Path) -> str:
    source = Path(path)
    if not source.is_file() or (_is_shared(source) and _is_shared(source.resolve())):
        return path
    copies.mkdir(parents=True, exist_ok=True)
    copy = copies / f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.pem"
    shutil.copyfile(source, copy)
    copy.chmod(0o644)
    return str(copies_inside / copy.name)


def _pip_files(environment: Mapping[str, str], home: Path) -> dict[str, bytes]:
    named = environment.get("PIP_CONFIG_FILE")
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    candidates = {
        "global": [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf")],
        "user": [*([Path(named)] if named else []), config / "pip/pip.conf", home / ".pip/pip.conf"],
    }
    found: dict[str, bytes] = {}
    for kind, paths in candidates.items():
        for path in paths:
            try:
                found[kind] = path.read_bytes()
            except OSError:  # absent, or not readable
                continue
            break
    return found
