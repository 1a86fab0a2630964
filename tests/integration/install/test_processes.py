"""Installations as processes: whole or not at all, one at a time, and no process survives them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.engine_installations import Installations, has_ended, wait_until, with_fake_go

from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import installed


@pytest.fixture
def installations(tmp_path: Path) -> Installations:
    return with_fake_go(tmp_path)


@pytest.fixture
def held(installations: Installations) -> Iterator[subprocess.Popen[str]]:
    """An installation in the middle of its build."""
    installations.hold_builds()
    process = installations.start("--source", "build")
    try:
        wait_until(lambda: installations.compiler() is not None, "the build has a child")
        yield process
    finally:
        process.kill()
        process.communicate()


def _compiler(installations: Installations) -> int:
    process = installations.compiler()
    assert process is not None
    return process


def test_it_needs_no_packages_and_is_installed_once(installations: Installations) -> None:
    code, messages = installations.run("--source", "build")
    assert (code, installations.left_behind()) == (0, [pinned_version()]), messages
    assert installed(installations.environ) is not None
    code, messages = installations.run("--source", "build")
    assert (code, installations.builds()) == (0, 1), messages


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_ends_all_processes_and_leaves_nothing(
    installations: Installations, held: subprocess.Popen[str], number: signal.Signals
) -> None:
    held.send_signal(number)
    messages = held.communicate(timeout=60)[1]
    assert held.returncode == 130, messages
    assert "nothing was installed" in messages
    assert installations.left_behind() == []
    wait_until(lambda: has_ended(_compiler(installations)), "the build's child has ended")
    installations.release_builds()
    assert installations.run("--source", "build")[0] == 0


def test_an_interruption_counts_where_the_shell_ignores_it(installations: Installations) -> None:
    """Shells ignore SIGINT for background processes; ``make`` must be able to stop this one."""
    installations.hold_builds()
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = installations.start("--source", "build")
    finally:
        signal.signal(signal.SIGINT, previous)
    try:
        wait_until(lambda: installations.compiler() is not None, "the build has a child")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
    finally:
        process.kill()
        process.communicate()


def test_a_killed_installation_leaves_no_process_and_the_next_one_cleans_up(
    installations: Installations, held: subprocess.Popen[str]
) -> None:
    held.kill()
    held.wait()
    wait_until(lambda: has_ended(_compiler(installations)), "the build's child has ended")
    assert installations.left_behind() == [f".work-{pinned_version()}"]
    installations.release_builds()
    code, messages = installations.run("--source", "build")
    assert (code, installations.left_behind()) == (0, [pinned_version()]), messages


def test_a_second_installation_waits_and_uses_the_first(
    installations: Installations, held: subprocess.Popen[str]
) -> None:
    second = installations.start("--source", "build")
    assert second.stderr is not None
    assert f"waiting for another installation (process {held.pid})" in second.stderr.readline()
    installations.release_builds()
    assert held.wait(timeout=60) == 0
    second.communicate(timeout=60)
    assert (second.returncode, installations.builds()) == (0, 1)


def test_a_second_installation_takes_over_when_the_first_is_killed(
    installations: Installations, held: subprocess.Popen[str]
) -> None:
    second = installations.start("--source", "build")
    assert second.stderr is not None
    assert "waiting" in second.stderr.readline()
    held.kill()
    installations.release_builds()
    second.communicate(timeout=60)
    assert (second.returncode, installations.builds()) == (0, 2)
    assert installations.left_behind() == [pinned_version()]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
def test_a_data_folder_without_permission_is_told(installations: Installations) -> None:
    (installations.folder / "home").chmod(0o555)
    code, messages = installations.run("--source", "build")
    assert code == 1
    assert "XDG_DATA_HOME" in messages


def test_nothing_is_installed_when_a_compatible_engine_is_on_path(installations: Installations) -> None:
    engine = installations.folder / "bin" / "pulumi"
    engine.parent.mkdir()
    engine.write_text(f"#!/bin/sh\necho {pinned_version()}\n", encoding="ascii")
    engine.chmod(0o755)
    path = f"{engine.parent}:{installations.environ['PATH']}"
    code, messages = installations.run(PATH=path)
    assert (code, installations.builds()) == (0, 0), messages
    assert str(engine.parent.parent) in messages


def test_a_named_engine_that_is_not_there_is_an_error(installations: Installations) -> None:
    code, messages = installations.run(RUNCTL_ENGINE="/nowhere/bin/pulumi")
    assert (code, installations.builds()) == (1, 0)
    assert "RUNCTL_ENGINE" in messages
