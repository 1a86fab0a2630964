"""Which isolation is chosen, and how hosts are started in it."""

import os
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from sandbox.hosts import isolation as module
from sandbox.hosts import launch
from sandbox.hosts.binds import Bind, View, view_of
from sandbox.hosts.host_folder import HostFolder
from sandbox.hosts.interpreter import Interpreter
from sandbox.hosts.isolation import IsolationError, choose_isolation
from sandbox.hosts.launch import (
    BubblewrapLauncher,
    HostStart,
    HostStartError,
    PlainLauncher,
    UnshareLauncher,
)

PYTHON = Interpreter(Path("/opt/py/bin/python3"), Path("/opt/py"))


@pytest.fixture
def tools(monkeypatch):
    """Tools that are installed, by name, with what is wrong with each (None: nothing)."""
    tools: dict[str, str | None] = {}
    launchers = {}

    def candidates(path):
        for name in tools:
            launchers[name] = create_autospec(UnshareLauncher, instance=True)
        return [(name, launchers[name]) for name in tools]

    def try_out(launcher, *_):
        return next(tools[name] for name, known in launchers.items() if known is launcher)

    monkeypatch.setattr(module, "_candidates", candidates)
    monkeypatch.setattr(module, "_try_out", try_out)
    return tools


def choose(wish=None):
    return choose_isolation({module.SWITCH: wish} if wish else {}, Path("/p"), PYTHON)


def test_first_tool_that_works_is_taken(tools):
    tools.update(bubblewrap="no permission", unshare=None)
    chosen = choose()
    assert (chosen.kind, chosen.reason) == ("namespaces", "by unshare")
    assert chosen.launcher is not None


def test_plain_says_why(tools):
    tools.update(bubblewrap="no permission", unshare="not allowed")
    chosen = choose()
    assert chosen.kind == "plain"
    assert "bubblewrap: no permission; unshare: not allowed" in chosen.reason
    assert "hosts run as" in chosen.reason
    tools.clear()
    assert "neither bubblewrap" in choose().reason


def test_wish_for_plain_tries_nothing(tools):
    tools.update(unshare=None)
    assert choose("plain").kind == "plain"


def test_impossible_and_unknown_wishes_are_refused(tools):
    tools.update(unshare="not allowed")
    with pytest.raises(IsolationError, match="does not allow it: unshare: not allowed"):
        choose("namespaces")
    with pytest.raises(IsolationError, match="use auto, namespaces or plain"):
        choose("docker")


@pytest.fixture
def started(monkeypatch):
    seen = {}

    def start(arguments, start, read, write):
        os.close(read)
        os.close(write)
        seen["arguments"] = arguments
        return "processes"

    monkeypatch.setattr(launch, "_start_and_learn_pid", start)
    return seen


START = HostStart(HostFolder(Path("/hosts/i-1")), "ip-10-0-0-1", {}, 1)
VIEW = View((Bind(Path("/usr"), Path("/usr")), Bind(Path("/v"), Path("/.volumes"), writable=True)), {})


def test_bubblewrap_shows_nothing_writable_but_the_hosts_own(started):
    BubblewrapLauncher("bwrap", ("--disable-userns",)).start(START, VIEW, None)
    arguments = started["arguments"]
    joined = " ".join(arguments)
    for needed in ("--unshare-user", "--unshare-pid", "--cap-drop ALL", "--as-pid-1", "--disable-userns"):
        assert needed in joined
    writable = [tuple(arguments[i + 1 : i + 3]) for i, word in enumerate(arguments) if word == "--bind"]
    assert writable == [("/hosts/i-1/root", "/"), ("/v", "/.volumes")]
    assert "--ro-bind /usr /usr" in joined
    assert "--ro-bind /hosts/i-1/devices /dev/disk" in joined


def test_unshare_kills_with_its_parent(started):
    UnshareLauncher("unshare").start(START, VIEW, None)
    for needed in ("--user", "--map-root-user", "--mount", "--pid", "--kill-child", "--fork"):
        assert needed in started["arguments"]


@pytest.mark.parametrize("launcher", [BubblewrapLauncher("bwrap"), UnshareLauncher("unshare")])
def test_namespaces_need_a_view(launcher, started):
    with pytest.raises(HostStartError):
        launcher.start(START, None, None)
    assert started == {}


def test_plain_host_never_runs_as_root(monkeypatch):
    monkeypatch.setattr(launch.os, "geteuid", lambda: 0)
    with pytest.raises(HostStartError, match="never runs as root"):
        PlainLauncher(Path("/p")).start(START, None, None)


def test_view_is_read_only_but_for_volumes(tmp_path):
    view = view_of(HostFolder(tmp_path), Path("/programs"), PYTHON, (Path("/opt/wheels"), Path("/usr/share")))
    assert [bind.target for bind in view.binds if bind.writable] == [Path("/.volumes")]
    shown = {bind.target for bind in view.binds} | set(view.links)
    assert {Path("/usr"), Path("/opt/py"), Path("/opt/wheels"), Path("/.host")} <= shown
    assert Path("/usr/share") not in shown
    assert not {Path("/"), Path("/etc"), Path("/home"), Path("/root"), Path("/var"), Path("/etc/ssl")} & shown
