"""What the provider's unit tests share: time that passes by itself, and a cloud without sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from unittest.mock import create_autospec

import pytest
from moto import mock_aws

from sandbox.aws.cloud.lifecycle import Lifecycle, Timing
from sandbox.aws.corrections import auto_scaling, placement_groups
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.corrections.launch_templates import know_templates
from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.schedules import know_groups
from sandbox.aws.provider.cancellation import Cancellation
from sandbox.aws.provider.clients import ClientPool
from sandbox.aws.provider.cloud import Cloud, Pace
from sandbox.aws.provider.configuration import CloudAccess, Configuration

ACCOUNT = "123456789012"


class SteppingClock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []
        self.during_wait: Callable[[], None] = lambda: None

    def now(self) -> float:
        return self.time

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.time += seconds
        self.during_wait()
        return event.is_set()


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
def some_cloud(clock: SteppingClock) -> Cloud:
    """A cloud that is not to be called."""
    configuration = Configuration(CloudAccess(region="us-west-2", endpoint="http://127.0.0.1:1"))
    clients = create_autospec(ClientPool, instance=True)
    return Cloud(configuration, clients, Cancellation(clock), Pace(jitter=lambda: 1.0), account=ACCOUNT)


@pytest.fixture(scope="session")
def clients() -> ClientPool:
    """Clients for all tests of a process: reading the services' models is what costs."""
    return ClientPool()


@pytest.fixture
def mocked_cloud(clock: SteppingClock, clients: ClientPool) -> Iterator[Cloud]:
    """The cloud as a type sees it, over moto in this process: no sockets, no waiting."""
    patches = Patches()
    know_templates(patches)
    lifecycle = Lifecycle(clock.now, lambda: None, Timing())
    emulation = Emulation(clock.now, lifecycle, Consistency())
    auto_scaling.apply(patches, emulation)  # nothing is launched
    placement_groups.apply(patches, emulation)  # plain moto has none
    know_groups(patches)  # plain moto fails with an internal error where a schedule group is not
    with ExitStack() as stack, mock_aws():
        stack.callback(patches.undo)
        access = CloudAccess(region="us-west-2", endpoint="", access_key="test", secret_key="test")
        configuration = Configuration(access, default_tags={"runctl:project": "p"}, max_attempts=3)
        yield Cloud(configuration, clients, Cancellation(clock), Pace(jitter=lambda: 1.0), account=ACCOUNT)
