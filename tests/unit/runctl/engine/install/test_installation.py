"""An installation is whole or leaves nothing, by whichever way it goes."""

from __future__ import annotations

import errno
import json
from itertools import count
from pathlib import Path

import pytest
from support.scripted_commands import ARCHIVE, BUILT, DOWNLOADED, Call, ScriptedCommands, scripted_machine

from runctl_auto.engine.install.bound_command import CommandResult
from runctl_auto.engine.install.errors import (
    ChecksumMismatchError,
    DiskFullError,
    EngineInstallError,
    NoGoError,
    SourceUnreachableError,
)
from runctl_auto.engine.install.installation import Source, install
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import Place, engine_place, installed
from runctl_auto.engine.install.stages import StageReport


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A person with an empty data folder, and with Go on PATH."""
    go = tmp_path / "tools" / "go"
    go.parent.mkdir()
    go.touch(mode=0o755)
    return {"XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path), "PATH": str(go.parent)}


def _without_go(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "PATH": str(Path(environ["XDG_DATA_HOME"]) / "none")}


def _left_behind(place: Place) -> list[str]:
    return [each.name for each in place.folder.iterdir() if not each.name.startswith(".lock-")]


def test_a_build_is_installed_with_its_record_and_no_build_files(environ: dict[str, str]) -> None:
    run = ScriptedCommands()
    done = install(environ, "build", machine=scripted_machine(run))
    assert (done.how, done.version, done.was_there) == ("build", pinned_version(), False)
    assert (done.root / "bin" / "pulumi").read_bytes() == BUILT
    assert installed(environ) == done.root
    record = json.loads((done.root / "engine.json").read_text(encoding="utf-8"))
    assert (record["how"], record["go"]) == ("build", "go1.27.3")
    assert _left_behind(engine_place(environ)) == [pinned_version()]
    assert run.kinds() == ["go env", "go list", "go build", "pulumi version"]


def test_an_installed_engine_is_left_as_it_is(environ: dict[str, str]) -> None:
    install(environ, "build", machine=scripted_machine(ScriptedCommands()))
    run = ScriptedCommands()
    done = install(environ, machine=scripted_machine(run))
    assert (done.was_there, done.how, run.calls) == (True, None, [])


def test_the_build_is_stripped_has_its_version_and_resolves_nothing(environ: dict[str, str]) -> None:
    run = ScriptedCommands()
    install(environ, "build", machine=scripted_machine(run))
    command = run.call("go build").command
    assert "-mod=readonly" in command
    assert "-trimpath" in command
    assert command[command.index("-ldflags") + 1] == (
        f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={pinned_version()}"
    )
    assert command[-1] == "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"


def test_go_gets_private_folders_and_the_persons_network_settings(environ: dict[str, str]) -> None:
    run = ScriptedCommands()
    network = {"GOPROXY": "https://go.example", "GONOSUMDB": "x", "HTTPS_PROXY": "p", "SSL_CERT_FILE": "c"}
    theirs = {"GOFLAGS": "-mod=mod", "GOOS": "plan9", "GOARCH": "arm", "GOROOT": "/old", "GOCACHE": "/cache"}
    install({**environ, **network, **theirs}, "build", machine=scripted_machine(run))
    call = run.call("go build")
    assert {name: call.environ[name] for name in network} == network
    work = engine_place(environ).work
    for name in ("GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR", "TMPDIR"):
        assert Path(call.environ[name]).parent == work
    assert call.folder.parent == work
    assert call.environ["GOFLAGS"] == "-mod=readonly -modcacherw"
    assert (call.environ["GOOS"], call.environ["GOARCH"]) == ("linux", "amd64")
    assert (call.environ["GOTOOLCHAIN"], call.environ["GOWORK"]) == ("local", "off")
    assert call.environ["CGO_ENABLED"] == "0"
    assert "GOROOT" not in call.environ


@pytest.mark.parametrize("version", ["go1.22.2", "go1.26.5", "devel +abc"])
def test_a_go_that_is_too_old_gives_way_to_the_one_of_pypi(environ: dict[str, str], version: str) -> None:
    run = ScriptedCommands(go_versions={f"{environ['PATH']}/go": version})
    install(environ, "build", machine=scripted_machine(run))
    expected = str(engine_place(environ).work / "go" / "go" / "bin" / "go")
    assert run.call("go build").command[0] == expected
    pip = run.call("pip install")
    assert "--require-hashes" in pip.command
    assert pip.environ["PIP_USER"] == "0"


def test_an_interpreter_without_pip_gets_a_private_one(environ: dict[str, str]) -> None:
    run = ScriptedCommands(answers={"pip version": CommandResult(1, ("No module named pip",))})
    install(_without_go(environ), "build", machine=scripted_machine(run))
    assert run.call("pip install").command[0] == str(engine_place(environ).work / "pip" / "bin" / "python")


def test_neither_go_nor_pip(environ: dict[str, str]) -> None:
    run = ScriptedCommands(answers={"pip version": CommandResult(1, ()), "venv": CommandResult(1, ())})
    with pytest.raises(NoGoError, match="/opt/python/bin/python3 has no pip") as raised:
        install(_without_go(environ), "build", machine=scripted_machine(run))
    assert "ensurepip" in str(raised.value.next_step)
    assert _left_behind(engine_place(environ)) == []


def test_a_go_of_pypi_that_does_not_run(environ: dict[str, str]) -> None:
    run = ScriptedCommands(answers={"go env": CommandResult(126, ("not found",))})
    with pytest.raises(NoGoError, match="does not run on this machine"):
        install(_without_go(environ), "build", machine=scripted_machine(run))


def test_auto_downloads_when_the_host_answers(environ: dict[str, str]) -> None:
    run = ScriptedCommands()
    done = install(environ, machine=scripted_machine(run, out_of_reach=None))
    assert done.how == "download"
    assert (done.root / "bin" / "pulumi").read_bytes() == DOWNLOADED
    assert run.call("download").command[-3::2] == (ARCHIVE.sha256, ARCHIVE.url)
    assert run.kinds() == ["download", "pulumi version"]


@pytest.mark.parametrize(("out_of_reach", "has_checksum"), [("no answer", True), (None, False)])
def test_auto_builds_when_nothing_can_be_downloaded(
    environ: dict[str, str], out_of_reach: str | None, has_checksum: bool
) -> None:
    run = ScriptedCommands()
    machine = scripted_machine(run, out_of_reach=out_of_reach, has_checksum=has_checksum)
    assert install(environ, machine=machine).how == "build"
    assert "download" not in run.kinds()


def test_auto_builds_after_a_download_that_failed_half_way(environ: dict[str, str]) -> None:
    run = ScriptedCommands(answers={"download": CommandResult(1, ("curl: (22) 404",))})

    def half_a_download(kind: str, call: Call) -> None:
        if kind == "download":
            (Path(call.command[-2]) / "bin").mkdir(parents=True)
            (Path(call.command[-2]) / "bin" / "half").touch()

    run.before = half_a_download
    done = install(environ, machine=scripted_machine(run, out_of_reach=None))
    assert done.how == "build"
    assert [each.name for each in (done.root / "bin").iterdir()] == ["pulumi"]


@pytest.mark.parametrize(
    ("out_of_reach", "has_checksum", "told"),
    [("HTTP status 403", True, "403"), (None, False, "no checksum of Pulumi")],
)
def test_a_download_that_was_asked_for_is_not_replaced_by_a_build(
    environ: dict[str, str], out_of_reach: str | None, has_checksum: bool, told: str
) -> None:
    run = ScriptedCommands()
    machine = scripted_machine(run, out_of_reach=out_of_reach, has_checksum=has_checksum)
    with pytest.raises(SourceUnreachableError, match=told):
        install(environ, "download", machine=machine)
    assert run.calls == []


def test_a_download_that_stalls_is_given_up(environ: dict[str, str]) -> None:
    ticks = count(0, 700)
    machine = scripted_machine(ScriptedCommands(), out_of_reach=None, clock=lambda: float(next(ticks)))
    with pytest.raises(SourceUnreachableError, match="did not end within 10 minutes"):
        install(environ, "download", machine=machine)


def test_offline_is_one_error_that_names_all_ways(environ: dict[str, str]) -> None:
    failure = CommandResult(
        1, ('go: x: Get "https://go.example/x": dial tcp: lookup go.example: no such host',)
    )
    run = ScriptedCommands(answers={"go list": failure})
    with pytest.raises(SourceUnreachableError, match="neither be downloaded nor built") as raised:
        install(environ, machine=scripted_machine(run))
    assert "get.pulumi.com: no answer" in raised.value.where["download"]
    assert "no such host" in raised.value.where["build"]
    for way in ("runctl setup", "PATH", "RUNCTL_ENGINE"):
        assert way in str(raised.value.next_step)
    assert _left_behind(engine_place(environ)) == []


def test_a_wrong_checksum_is_told_and_nothing_is_installed(environ: dict[str, str]) -> None:
    run = ScriptedCommands(
        answers={"go list": CommandResult(1, ("verifying example.com/a@v1.0.0: checksum mismatch",))}
    )
    with pytest.raises(ChecksumMismatchError, match=r"example\.com/a@v1\.0\.0"):
        install(environ, machine=scripted_machine(run))
    assert _left_behind(engine_place(environ)) == []


@pytest.mark.parametrize("printed", [(), ("v3.274.0",), ("warning: new version", pinned_version())])
def test_an_engine_of_another_version_is_not_installed(
    environ: dict[str, str], printed: tuple[str, ...]
) -> None:
    run = ScriptedCommands(answers={"pulumi version": CommandResult(0, printed)})
    with pytest.raises(EngineInstallError, match=f"should print {pinned_version()}"):
        install(environ, "build", machine=scripted_machine(run))
    assert installed(environ) is None
    assert _left_behind(engine_place(environ)) == []


@pytest.mark.parametrize(("source", "free_gib"), [("build", 3.9), ("download", 0.9)])
def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(
    environ: dict[str, str], source: Source, free_gib: float
) -> None:
    run = ScriptedCommands()
    machine = scripted_machine(run, out_of_reach=None, free_gib=free_gib)
    with pytest.raises(DiskFullError, match=f"{free_gib} GiB are free"):
        install(environ, source, machine=machine)
    assert run.calls == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_becomes_full(environ: dict[str, str], number: int) -> None:
    run = ScriptedCommands(answers={"go build": OSError(number, "full")})
    with pytest.raises(DiskFullError):
        install(environ, "build", machine=scripted_machine(run))
    assert _left_behind(engine_place(environ)) == []


def test_a_data_folder_that_cannot_be_written(environ: dict[str, str]) -> None:
    Path(environ["XDG_DATA_HOME"]).write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(EngineInstallError, match="could not be installed") as raised:
        install(environ, "build", machine=scripted_machine(ScriptedCommands()))
    assert "XDG_DATA_HOME" in str(raised.value.next_step)


@pytest.mark.parametrize("kind", ["go env", "go list", "go build", "pulumi version"])
def test_an_interruption_leaves_nothing_and_the_next_installation_succeeds(
    environ: dict[str, str], kind: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        install(
            environ, "build", machine=scripted_machine(ScriptedCommands(answers={kind: KeyboardInterrupt()}))
        )
    assert _left_behind(engine_place(environ)) == []
    assert install(environ, "build", machine=scripted_machine(ScriptedCommands())).how == "build"


def test_leftovers_of_killed_installations_go(environ: dict[str, str]) -> None:
    place = engine_place(environ)
    for work in (place.work, Place(place.folder, "v3.1.0").work):
        (work / "modules" / "read-only").mkdir(parents=True)
        (work / "modules" / "read-only" / "file").touch()
    install(environ, "build", machine=scripted_machine(ScriptedCommands()))
    assert _left_behind(place) == [pinned_version()]


def test_an_incomplete_engine_is_replaced(environ: dict[str, str]) -> None:
    root = engine_place(environ).root
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "pulumi").write_bytes(b"half")
    done = install(environ, "build", machine=scripted_machine(ScriptedCommands()))
    assert (done.root / "bin" / "pulumi").read_bytes() == BUILT


def test_progress_names_the_stages_in_order(environ: dict[str, str]) -> None:
    reports: list[StageReport] = []
    install(environ, "auto", reports.append, scripted_machine(ScriptedCommands()))
    stages = list(dict.fromkeys(each.stage for each in reports))
    assert stages == [
        "looking for get.pulumi.com",
        "looking for Go",
        "downloading Go modules",
        "compiling",
        "checking the engine",
        "removing build files",
    ]
    assert StageReport("compiling", "2 of 2 packages", 0.0) in reports
