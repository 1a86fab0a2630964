"""Pods of the stand-in: processes that run the start command, with the pod's variables, mounts and key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.runpod_processes import RunpodProcesses, await_that

from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.creation import NETWORK_VOLUMES, PODS, SECRETS, create_named
from runctl_auto.providers.runpod.pods import create_pod, end_pod, find_pod

pytestmark = pytest.mark.sandbox
CPU = {"cpu": {"id": "cpu3c", "vcpuCount": 2}}
OWN_END = (
    "import os, urllib.request as u; "
    "r = u.Request(os.environ['RUNPOD_ENDPOINT_URL'] + '/v2/pods/' + os.environ['RUNPOD_POD_ID'], "
    "headers={'Authorization': 'Bearer ' + os.environ['RUNPOD_API_KEY']}, method='DELETE'); "
    "print(u.urlopen(r).status)"
)


@pytest.fixture
def runpod(tmp_path: Path) -> Iterator[RunpodProcesses]:
    made = RunpodProcesses(tmp_path)
    yield made
    made.close()


def status(client: RunpodClient, pod: str) -> str | None:
    found = find_pod(client, pod)
    return None if found is None else str(found["status"])


def test_a_pods_life(runpod: RunpodProcesses) -> None:
    client = runpod.client
    create_named(client, SECRETS, {"name": "runctl-s", "value": "hidden"})
    volume = create_named(client, NETWORK_VOLUMES, {"name": "v", "size": 10, "dataCenter": "EU-RO-1"})["id"]
    body = {
        "image": "any",
        "env": {"TOKEN": "{{ RUNPOD_SECRET_runctl-s }}"},
        "mounts": {"network": [{"volumeId": volume, "path": "/data"}]},
    }
    write = "bash -c 'echo \"$TOKEN\" > ${RUNCTL_ROOT-}/data/kept; echo wrote $RUNPOD_DC_ID'"
    writer = create_pod(client, {"name": "writer", "args": write, **body}, [CPU])["id"]
    await_that(lambda: status(client, writer) == "EXITED", "the command does not end")
    log = client.events(f"/v2/pods/{writer}/logs", {"source": "container"}, quiet=0.3)
    assert '"line": "wrote EU-RO-1"' in log
    end_pod(client, writer)
    read = "bash -c 'cat ${RUNCTL_ROOT-}/data/kept; sleep 60'"
    reader = create_pod(client, {"name": "reader", "args": read, **body}, [CPU])["id"]
    await_that(lambda: status(client, reader) == "RUNNING", "the pod does not run")
    await_that(
        lambda: '"line": "hidden"' in client.events(f"/v2/pods/{reader}/logs", {}, quiet=0.2),
        "nothing is read",
    )
    runpod.kill()  # the pod goes on, and the next process knows it
    runpod.start()
    assert status(client, reader) == "RUNNING"
    end_pod(client, reader)
    await_that(lambda: runpod.hosts() == [], "the pod's processes are left")
    client.delete(NETWORK_VOLUMES.item(volume))


def test_a_pod_ends_itself_with_its_own_key(runpod: RunpodProcesses) -> None:
    client = runpod.client
    pod = create_pod(client, {"name": "p", "image": "any", "args": f'python3 -c "{OWN_END}"'}, [CPU])["id"]
    await_that(lambda: status(client, pod) is None, "the pod does not end itself")
    await_that(lambda: runpod.hosts() == [], "the pod's processes are left")
    assert PODS.all(client) == []
