"""A host's life follows its instance's, in every isolation."""

import pytest

pytestmark = pytest.mark.sandbox


def test_user_data_runs_as_it_is(machine):
    ran = machine(
        'echo "on $(id -u) in $PWD at $HOME"; python3 -V; echo "$AWS_ENDPOINT_URL" > $ROOT/root/result'
    )
    assert ran.result.startswith("http://127.0.0.1:")
    assert "Python 3" in ran.console


def test_shutdown_ends_the_instance_and_removes_its_folder(hosts, cloud, waiting):
    cloud.run("i-0a", "#!/bin/sh\necho working\nshutdown -h now\nsleep 60\n")
    cloud.await_state("i-0a", "terminated")
    assert cloud.ended == [("i-0a", 1)]
    waiting(lambda: not hosts.root("i-0a").exists())
    assert "working" in hosts.console("i-0a")
    assert "halted" in hosts.console("i-0a")
