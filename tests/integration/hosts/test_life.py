"""A host's life follows its instance's, in every isolation."""

import pytest

pytestmark = pytest.mark.sandbox


def test_user_data_runs_as_it_is(machine, hosts, waiting):
    ran = machine(
        'echo "on $(id -u) in $PWD at $HOME"; python3 -V; echo "$AWS_ENDPOINT_URL" > $ROOT/root/result'
    )
    assert ran.result.startswith("http://127.0.0.1:")
    waiting(lambda: "user data ended" in hosts.console(ran.name))  # what it says arrives after what it does
    assert "Python 3" in hosts.console(ran.name)


def test_shutdown_ends_the_instance_and_removes_its_folder(hosts, cloud, waiting):
    cloud.run("i-0a", "#!/bin/sh\necho working\nshutdown -h now\nsleep 60\n")
    cloud.await_state("i-0a", "terminated")
    assert cloud.ended == [("i-0a", 1)]
    waiting(lambda: not hosts.root("i-0a").exists())
    assert "working" in hosts.console("i-0a")
    assert "halted" in hosts.console("i-0a")


def test_python_is_bare_but_makes_environments_with_pip(machine, isolation):
    pip = "--without-pip" if isolation == "bubblewrap" else ""  # slow, and no other than with unshare
    ran = machine(
        f"""
python3 -c 'import sys; print(any(part.endswith("-packages") for part in sys.path))' > $ROOT/root/result
python3 -c 'import pip' 2>/dev/null; echo $? >> $ROOT/root/result
python3 -m venv {pip} $HOME/env
$HOME/env/bin/python -c 'import sys; print(sys.prefix != sys.base_prefix)' >> $ROOT/root/result
[ -n "{pip}" ] || $HOME/env/bin/pip --version >> $ROOT/root/result
"""
    )
    bare, no_pip, environment, *version = ran.result.splitlines()
    assert (bare, no_pip, environment) == ("False", "1", "True")
    assert bool(version) is (pip == "")


def test_caller_sees_console_and_journal(machine):
    ran = machine(
        r"""
unit=$ROOT/etc/systemd/system/say.service
printf '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo from the unit"\n' > $unit
systemctl start say && journalctl -u say -n 5 --no-pager > $ROOT/root/result
systemctl status say >> $ROOT/root/result; echo "code $?" >> $ROOT/root/result
/usr/bin/env systemctl list-units --all >> $ROOT/root/result
"""
    )
    assert "from the unit" in ran.result
    assert "Active: inactive (dead)\ncode 3" in ran.result
    assert "say.service loaded inactive dead" in ran.result
