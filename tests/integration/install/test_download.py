"""The official archive, from the probe to the check of the engine, with a stand-in for its host."""

from __future__ import annotations

import hashlib
import io
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.engine_installations import Installations, with_fake_go
from support.https_host import HttpsHost, https_host

from runctl_auto.engine.install.archives import HOST, Archive
from runctl_auto.engine.install.errors import EngineInstallError
from runctl_auto.engine.install.installation import Installed, install
from runctl_auto.engine.install.machine import Machine
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import engine_place

PATH = "/releases/sdk/pulumi.tar.gz"


def packed(version: str, name: str = "pulumi/pulumi") -> bytes:
    """An archive whose engine prints this version."""
    content = f"#!/bin/sh\necho {version}\n".encode()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as members:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def installations(tmp_path: Path) -> Installations:
    return with_fake_go(tmp_path)


class Served:
    """A host that serves one archive, which the project pins by the checksum of another."""

    def __init__(self, host: HttpsHost, installations: Installations, pinned: bytes) -> None:
        self.host = host
        self._installations = installations
        self._archive = Archive(f"https://{HOST}{PATH}", hashlib.sha256(pinned).hexdigest())

    def install(self, source: Any = "auto") -> Installed:
        environ = {**self._installations.environ, **self.host.variables}
        return install(environ, source, machine=replace(Machine(), archive=lambda: self._archive))


@pytest.fixture
def served(installations: Installations, monkeypatch: pytest.MonkeyPatch, request: Any) -> Iterator[Served]:
    content, pinned = request.param
    files = {} if content is None else {urlsplit(f"https://{HOST}{PATH}").path: content}
    with https_host(HOST, files, installations.folder) as host:
        for name, value in host.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the proxies of its first request
        yield Served(host, installations, pinned)


RIGHT = packed(pinned_version())
OTHER = packed(pinned_version(), name="pulumi/pulumi-other")
OUTSIDE = packed(pinned_version(), name="../pulumi")


@pytest.mark.parametrize("source", ["auto", "download"])
@pytest.mark.parametrize("served", [(RIGHT, RIGHT)], indirect=True)
def test_a_release_with_the_pinned_checksum_is_installed(
    installations: Installations, served: Served, source: str
) -> None:
    assert served.install(source).how == "download"
    assert (installations.builds(), served.host.requests) == (0, [f"HEAD {PATH}", f"GET {PATH}"])
    assert '"how": "download"' in (engine_place(installations.environ).root / "engine.json").read_text()


@pytest.mark.parametrize(
    "served", [(OTHER, RIGHT), (OUTSIDE, OUTSIDE), (b"no archive", b"no archive")], indirect=True
)
def test_an_archive_that_is_another_or_damaged_is_replaced_by_a_build(
    installations: Installations, served: Served
) -> None:
    assert served.install().how == "build"
    assert installations.builds() == 1
    assert served.host.requests == [f"HEAD {PATH}", f"GET {PATH}"]


@pytest.mark.parametrize(
    ("served", "told"),
    [((OTHER, RIGHT), "is pinned"), ((OUTSIDE, OUTSIDE), "no program of Pulumi"), ((None, RIGHT), "404")],
    indirect=["served"],
)
def test_it_is_an_error_when_the_download_was_asked_for(
    installations: Installations, served: Served, told: str
) -> None:
    with pytest.raises(EngineInstallError, match=told):
        served.install("download")
    assert installations.left_behind() == []


def test_without_a_checksum_nothing_is_asked_for(installations: Installations) -> None:
    """As for a version that `archives.txt` does not list."""
    code, messages = installations.run()
    assert (code, installations.builds()) == (0, 1), messages
