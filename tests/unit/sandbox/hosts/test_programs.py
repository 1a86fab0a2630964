"""Command lines of the host's own programs."""

from datetime import datetime, timezone

import pytest

from sandbox.hosts.guest import (
    package_programs,
    power_programs,
    refused_programs,
    stand_in,
    systemctl_program,
)
from sandbox.hosts.guest.control_socket import Reply
from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError

NOW = datetime(2026, 11, 22, 13, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(("when", "seconds"), [("now", 0), ("+5", 300), ("13:30", 1800), ("12:00", 82800)])
def test_shutdown_times(when, seconds):
    assert power_programs.delay(when, NOW) == seconds


@pytest.mark.parametrize("when", ["soon", "25:00", "12:61", "+x"])
def test_wrong_shutdown_times(when):
    with pytest.raises(UsageError, match="failed to parse"):
        power_programs.delay(when, NOW)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    requests = []

    def ask(folder, request):
        requests.append((request.command, request.units, request.options))
        return Reply(0)

    monkeypatch.setenv("RUNCTL_ROOT", str(tmp_path))
    monkeypatch.setattr(power_programs, "ask", ask)
    return requests


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("shutdown -h now", "poweroff"),
        ("shutdown -P now", "poweroff"),
        ("shutdown -r now", "reboot"),
        ("poweroff -f", "poweroff"),
        ("halt", "poweroff"),
        ("reboot", "reboot"),
        ("shutdown -c", "cancel-shutdown"),
        ("systemctl poweroff", "poweroff"),
        ("systemctl reboot", "reboot"),
    ],
)
def test_power(line, command, asked):
    name, *arguments = line.split()
    assert stand_in.run(name, arguments) == 0
    assert asked[0][0] == command


def test_enable_links_the_unit_and_disable_unlinks_it(asked, tmp_path):
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "a.service").write_text("[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=multi-user.target\n")
    assert systemctl_program.main("systemctl", ["enable", "--now", "a"]) == 0
    assert (units / "multi-user.target.wants/a.service").resolve() == units / "a.service"
    assert [command for command, *_ in asked] == ["daemon-reload", "start"]
    assert systemctl_program.main("systemctl", ["is-enabled", "a.service"]) == 0
    assert systemctl_program.main("systemctl", ["disable", "a"]) == 0
    assert systemctl_program.main("systemctl", ["is-enabled", "a.service"]) == 1


def test_enable_refuses_unknown_targets_and_directives(asked, tmp_path, capsys):
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "a.service").write_text("[Service]\nExecStart=/bin/a\n[Install]\nWantedBy=rescue.target\n")
    assert systemctl_program.main("systemctl", ["enable", "a"]) == 1
    assert "WantedBy=rescue.target is not supported" in capsys.readouterr().err
    assert asked == []


def test_no_init_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("RUNCTL_ROOT", str(tmp_path))
    assert stand_in.run("systemctl", ["start", "a"]) == 1
    assert "Failed to connect to bus" in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["systemctl mask a", "systemctl start --wait a", "mount -t nfs a /b", "shutdown -k now"]
)
def test_unknown_commands_and_options_are_refused_by_name(line, asked, capsys):
    name, *arguments = line.split()
    assert stand_in.run(name, arguments) != 0
    assert "not supported by sandbox hosts" in capsys.readouterr().err
    assert asked == []


def test_refused_programs_name_themselves():
    with pytest.raises(UsageError, match="'parted' is not supported"):
        refused_programs.main("parted", [])


@pytest.mark.parametrize("name", sorted(stand_in.PROGRAMS))
def test_every_program_has_its_module(name):
    import importlib

    module = importlib.import_module(f"sandbox.hosts.guest.{stand_in.PROGRAMS[name]}")
    assert callable(module.main)


def test_options():
    found = parse(["-qL", "name", "--type=ext4", "--now", "x", "--", "-y"], ("-q", "--now"), ("-L", "--type"))
    assert found.has("-q")
    assert found.value("-L") == "name"
    assert found.value("--type") == "ext4"
    assert found.words == ["x", "-y"]
    with pytest.raises(UsageError, match="'-z' is not supported"):
        parse(["-z"], ("-q",))
    with pytest.raises(UsageError, match="needs a value"):
        parse(["-L"], (), ("-L",))


def test_packages_only_those_present_are_installed(capsys):
    assert package_programs.main("apt-get", ["update"]) == 0
    assert package_programs.main("apt-get", ["install", "-y", "sh"]) == 0
    assert package_programs.main("dnf", ["install", "-y", "sh", "surely-not-there"]) == 1
    told = capsys.readouterr()
    assert "would install surely-not-there" in told.err
    assert "sh is already there" in told.out
