"""The manager follows the cloud."""

from dataclasses import replace
from unittest.mock import Mock, create_autospec

import pytest

from sandbox.hosts import manager as module
from sandbox.hosts.cloud_client import AttachedVolume, CloudClient, CloudError, Instance, Snapshot
from sandbox.hosts.host import Host, HostSetting
from sandbox.hosts.host_store import HostRecord, HostStore
from sandbox.hosts.launch import HostStartError
from sandbox.hosts.manager import Manager
from sandbox.hosts.volume_folders import VolumeFolders

RUNNING = Instance(id="i-1", region="r", zone="z", type="t", state="running", boot=1)


class World:
    """A manager with a scripted cloud and hosts that are records only."""

    def __init__(self, monkeypatch) -> None:
        self.client = create_autospec(CloudClient, instance=True)
        self.client.user_data.return_value = b"#!/bin/sh\n"
        self.store = create_autospec(HostStore, instance=True)
        self.store.records.return_value = iter(())
        self.store.volumes = Mock(spec=[])
        self.alive: set[str] = set()
        self.hosts: dict[str, Mock] = {}
        monkeypatch.setattr(module.Host, "create", self.create)
        setting = Mock(spec=HostSetting, store=self.store)
        self.said: list[str] = []
        self.manager = Manager(setting, self.client, self.said.append)
        self.manager._volumes = create_autospec(VolumeFolders, instance=True)
        self.manager._watch = lambda host: None

    def create(self, setting, instance, user_data):
        return self.host(instance.id)

    def host(self, name, **fields):
        world = self
        host = create_autospec(Host, instance=True)

        class Record(HostRecord):
            @property
            def alive(self):
                return name in world.alive

        host.record = Record(name, **{"boot": 0, "imds_port": 1, "mark": name, "imds_secret": "s", **fields})

        def start(instance):
            host.record = replace(host.record, boot=instance.boot, ended=False)
            world.alive.add(name)

        def note_end():
            host.record = replace(host.record, ended=True)
            world.alive.discard(name)

        host.start.side_effect = start
        host.note_end.side_effect = note_end
        self.hosts[name] = host
        return host

    def tell(self, *instances, volumes=(), left=()):
        snapshot = Snapshot(1, instances, frozenset(volumes))
        self.store.records.return_value = iter(left)
        self.manager._unfinished = False
        self.manager._reconcile(snapshot)
        self.manager._note_ended(snapshot)


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def test_running_instance_gets_one_host_and_one_boot(world):
    world.tell(RUNNING)
    world.tell(RUNNING)
    world.hosts["i-1"].start.assert_called_once_with(RUNNING)
    world.client.report_ended.assert_not_called()


def test_pending_instance_has_none_yet(world):
    world.tell(replace(RUNNING, state="pending"))
    assert world.hosts == {}


def test_end_asked_by_the_cloud_is_orderly(world):
    world.tell(RUNNING)
    world.tell(replace(RUNNING, state="shutting-down"))
    world.hosts["i-1"].ask_to_end.assert_called_once_with()
    world.client.report_ended.assert_not_called()
    assert world.manager._unfinished, "asked again: one that has just been started may not have heard it"
    world.alive.clear()
    world.tell(replace(RUNNING, state="shutting-down"))
    world.client.report_ended.assert_called_with("i-1", 1)


def test_machine_that_halts_is_reported_once_noted(world):
    world.tell(RUNNING)
    world.alive.clear()
    world.tell(RUNNING)
    world.hosts["i-1"].note_end.assert_called_once()
    world.client.report_ended.assert_called_once_with("i-1", 1)


def test_unreported_end_is_reported_again(world):
    world.tell(RUNNING)
    world.alive.clear()
    world.client.report_ended.side_effect = CloudError("away")
    world.tell(RUNNING)
    assert world.manager._unfinished
    world.client.report_ended.side_effect = None
    world.tell(RUNNING)
    assert world.client.report_ended.call_count == 2


def test_next_boot_starts_the_same_machine(world):
    world.tell(RUNNING)
    world.alive.clear()
    world.tell(replace(RUNNING, state="stopped"))
    again = replace(RUNNING, boot=2)
    world.tell(again)
    assert world.hosts["i-1"].start.call_args_list[-1].args == (again,)
    assert world.hosts["i-1"].start.call_count == 2


@pytest.mark.parametrize("told", [(replace(RUNNING, state="terminated"),), ()])
def test_terminated_or_forgotten_instance_is_removed_after_its_volumes(world, told):
    world.tell(RUNNING)
    host = world.hosts["i-1"]
    order = Mock(spec=["release_all", "remove"])
    world.manager._volumes.release_all.side_effect = order.release_all
    host.remove.side_effect = order.remove
    world.tell(*told)
    assert [call[0] for call in order.method_calls] == ["release_all", "remove"]
    host.note_end.assert_called_once()


def test_root_volumes_and_those_of_terminated_instances_are_not_arranged(world):
    data, root = AttachedVolume("vol-1", "/dev/sdf", False, 1), AttachedVolume("vol-0", "/dev/xvda", True, 8)
    gone = replace(RUNNING, id="i-2", state="terminated", volumes=(data,))
    world.tell(replace(RUNNING, volumes=(root, data)), gone, volumes=["vol-0", "vol-1"])
    wanted, places, existing = world.manager._volumes.arrange.call_args.args
    assert wanted == {"i-1": (data,)}
    assert set(places) == {"i-1"}
    assert existing == {"vol-0", "vol-1"}


def test_host_that_cannot_start_ends_the_instance(world, monkeypatch):
    def create(setting, instance, user_data):
        host = world.host(instance.id, ended=True)
        host.start.side_effect = HostStartError("no namespaces")
        return host

    monkeypatch.setattr(module.Host, "create", create)
    world.tell(RUNNING)
    world.client.report_ended.assert_called_with("i-1", 1)
    assert "no namespaces" in world.said[-1]


def test_failed_read_of_user_data_is_tried_again(world):
    world.client.user_data.side_effect = CloudError("throttled")
    world.tell(RUNNING)
    assert world.manager._unfinished
    assert world.hosts == {}
    world.client.user_data.side_effect = None
    world.tell(RUNNING)
    world.hosts["i-1"].start.assert_called_once()


def test_instance_without_host_that_is_to_end_is_reported(world):
    world.tell(replace(RUNNING, state="shutting-down"))
    world.client.report_ended.assert_called_once_with("i-1", 1)


def test_interruption_reaches_the_host(world):
    world.tell(RUNNING)
    told = replace(RUNNING, interruption={"action": "terminate", "time": "t"})
    world.tell(told)
    world.hosts["i-1"].tell.assert_called_with(told)


def test_hosts_left_by_an_earlier_manager_are_adopted_once(world, monkeypatch):
    left = [HostRecord("i-1", 1, 4000, "m", "s"), HostRecord("i-gone", 1, 4001, "m", "s")]
    adopted = []

    def adopt(setting, instance, record):
        adopted.append((record.id, instance.state))
        return world.host(record.id, boot=record.boot)

    world.alive.add("i-1")
    monkeypatch.setattr(module, "Host", adopt)
    world.tell(RUNNING, left=left)
    world.tell(RUNNING, left=left)
    assert adopted == [("i-1", "running"), ("i-gone", "terminated")]
    world.hosts["i-1"].start.assert_not_called()
    world.hosts["i-gone"].remove.assert_called_once()


def test_a_running_host_has_the_power_that_the_cloud_says(world):
    world.tell(RUNNING)
    world.tell(replace(RUNNING, power="frozen"))
    world.hosts["i-1"].set_power.assert_called_once_with("frozen")
    world.tell(replace(RUNNING, state="shutting-down", power="frozen"))
    world.hosts["i-1"].set_power.assert_called_once_with("frozen")
    world.hosts["i-1"].ask_to_end.assert_called_once_with()
