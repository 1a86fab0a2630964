"""Hosts outlive the process that manages them, and end with the sandbox."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.sandbox

SLEEPER = "sleep 1000 & echo $! > $ROOT/root/result; disown"


def alive(identity) -> bool:
    try:
        fields = Path(f"/proc/{identity['pid']}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == identity["started"]


def test_killed_manager_leaves_hosts_and_the_next_adopts_them(restart, machine, hosts, cloud, waiting):
    ran = machine("touch $ROOT/root/alive; sleep 0.1", name="i-0kept")
    before = hosts.record("i-0kept")
    hosts.kill()
    assert alive(before["init"])
    again = restart()
    waiting(lambda: "i-0kept: adopted, running" in again.log.read_text())
    assert again.record("i-0kept")["init"] == before["init"]
    assert again.record("i-0kept")["imds_port"] == before["imds_port"]
    cloud.change("i-0kept", state="shutting-down")
    cloud.await_state("i-0kept", "terminated")
    waiting(lambda: not ran.root.exists())


def test_machine_that_halted_without_manager_is_reported_by_the_next(restart, machine, hosts, cloud, waiting):
    machine(
        "(until [ -e $ROOT/root/go ]; do sleep 0.05; done; shutdown -h now) > /dev/null 2>&1 & disown",
        name="i-0halt",
    )
    record = hosts.record("i-0halt")
    hosts.kill()
    (hosts.root("i-0halt") / "root/go").touch()
    waiting(lambda: not alive(record["init"]))
    assert cloud.ended == []
    restart()
    cloud.await_state("i-0halt", "terminated")


def test_stop_leaves_no_process_and_nothing_outside_the_folder(machine, hosts, waiting):
    ran = machine(SLEEPER, name="i-0stop")
    record = hosts.record("i-0stop")
    mark = f"RUNCTL_SANDBOX_HOST={record['mark']}".encode()
    hosts.stop()
    assert not alive(record["init"])
    assert not alive(record["outer"])
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if mark in environ(pid)]
    assert ran.root.is_relative_to(hosts.folder) or not ran.root.parent.parent.parent.exists()
    assert "boot" in hosts.console("i-0stop")


def environ(process) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def test_dead_init_counts_as_the_machines_end(machine, hosts, cloud):
    machine("true", name="i-0dead")
    os.kill(hosts.record("i-0dead")["init"]["pid"], 9)
    cloud.await_state("i-0dead", "terminated")
    assert cloud.ended == [("i-0dead", 1)]
