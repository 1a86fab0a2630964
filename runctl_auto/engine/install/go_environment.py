"""The environment in which Go and pip run: private folders, and the person's own network settings."""

from __future__ import annotations

from collections.abc import Mapping

from runctl_auto.engine.install.work_folder import WorkFolder

_GO_REMOVED = (
    "GOROOT",
    "GOBIN",
    "GOTOOLDIR",
    "GOOS",
    "GOARCH",
    "GOEXPERIMENT",
    "GOCACHEPROG",
    "GOMOD",
)
_PIP_REMOVED = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_PLATFORM")


def go_environment(environ: Mapping[str, str], work: WorkFolder) -> dict[str, str]:
    """For the ``go`` command: nothing is written outside ``work``, and no other toolchain is downloaded.

    GOPROXY, GOSUMDB and the like, proxies and certificates are the person's, also those of ``go env -w``.
    """
    kept = {name: value for name, value in environ.items() if name not in _GO_REMOVED}
    return {
        **kept,
        "CGO_ENABLED": "0",
        "GO111MODULE": "on",
        "GOCACHE": str(work.folder("objects")),
        "GOFLAGS": "-mod=readonly -modcacherw",
        "GOMODCACHE": str(work.folder("modules")),
        "GOPATH": str(work.folder("gopath")),
        "GOTMPDIR": str(work.folder("tmp")),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "TMPDIR": str(work.folder("tmp")),
    }


def pip_environment(environ: Mapping[str, str], work: WorkFolder) -> dict[str, str]:
    """For pip: the person's index, proxies and certificates, without settings that forbid ``--target``."""
    kept = {name: value for name, value in environ.items() if name not in _PIP_REMOVED}
    return {
        **kept,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_REQUIRE_VIRTUALENV": "0",
        "PIP_USER": "0",
        "TMPDIR": str(work.folder("tmp")),
    }
