import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.lifecycle import Cause, Lifecycle, Timing, WrongState

TIMING = Timing(pending=0.3, ending_least=1, ending_most=120, host_silence=10, terminated_visible=3600)
ALLOWED = {
    None: {states.PENDING},
    states.PENDING: {states.RUNNING, states.SHUTTING_DOWN, states.STOPPING},
    states.RUNNING: {states.SHUTTING_DOWN, states.STOPPING},
    states.STOPPING: {states.STOPPED, states.SHUTTING_DOWN},
    states.STOPPED: {states.PENDING, states.SHUTTING_DOWN},
    states.SHUTTING_DOWN: {states.TERMINATED},
    states.TERMINATED: set(),
}


class Recorder:
    """A machine that keeps the states it went through and checks that EC2 has each step."""

    def __init__(self, stops_on_shutdown: bool = False) -> None:
        self.id = "i-1"
        self.is_spot = True
        self.stops_on_shutdown = stops_on_shutdown
        self.state: str | None = None
        self.cause = Cause.NONE
        self.gone = False
        self.notices = 0

    def enter(self, state: str, cause: Cause) -> None:
        assert state in ALLOWED[self.state]
        self.state, self.cause = state, cause

    def noticed(self) -> None:
        self.notices += 1

    def forget(self) -> None:
        self.gone = True


class World:
    def __init__(self, stops_on_shutdown: bool = False) -> None:
        self.now = 1000.0
        self.changes = 0
        self.machine = Recorder(stops_on_shutdown)
        self.lifecycle = Lifecycle(lambda: self.now, self._count, TIMING)
        self.lifecycle.launched(self.machine)

    def _count(self) -> None:
        self.changes += 1

    def pass_time(self, seconds: float) -> None:
        """Advance at every deadline on the way, as the cloud's clock thread does."""
        end = self.now + seconds
        while (due := self.lifecycle.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.lifecycle.advance()
        self.now = end


@pytest.fixture
def world() -> World:
    running = World()
    running.pass_time(1)
    assert running.machine.state == states.RUNNING
    return running


def test_a_launch_that_fails_ends_before_it_runs() -> None:
    world = World()
    world.machine = Recorder()
    world.machine.id = "i-2"
    with world.lifecycle.launches_fail(Cause.CAPACITY):
        world.lifecycle.launched(world.machine)
    world.lifecycle.host_manager_seen()
    world.pass_time(0.5)
    assert (world.machine.state, world.machine.cause) == (states.SHUTTING_DOWN, Cause.CAPACITY)
    world.pass_time(1)
    assert world.machine.state == states.TERMINATED


def test_where_no_host_runs_an_end_takes_the_least_time(world: World) -> None:
    world.lifecycle.terminate("i-1")
    world.pass_time(0.9)
    assert world.machine.state == states.SHUTTING_DOWN
    world.pass_time(0.2)
    assert world.machine.state == states.TERMINATED


def test_an_end_waits_for_the_host(world: World) -> None:
    world.lifecycle.terminate("i-1")
    for _ in range(10):
        world.lifecycle.host_manager_seen()
        world.pass_time(5)
    assert world.machine.state == states.SHUTTING_DOWN
    assert world.lifecycle.host_ended("i-1", 1)
    world.pass_time(0)
    assert world.machine.state == states.TERMINATED


def test_a_quick_host_does_not_shorten_the_least_time(world: World) -> None:
    world.lifecycle.terminate("i-1")
    world.lifecycle.host_ended("i-1", 1)
    world.pass_time(0.9)
    assert world.machine.state == states.SHUTTING_DOWN


def test_a_host_that_never_reports_is_waited_for_two_minutes(world: World) -> None:
    world.lifecycle.terminate("i-1")
    for _ in range(119):
        world.lifecycle.host_manager_seen()
        world.pass_time(1)
    assert world.machine.state == states.SHUTTING_DOWN
    world.lifecycle.host_manager_seen()
    world.pass_time(2)
    assert world.machine.state == states.TERMINATED


def test_hosts_that_went_silent_are_not_waited_for(world: World) -> None:
    world.lifecycle.host_manager_seen()
    world.lifecycle.terminate("i-1")
    world.pass_time(9)
    assert world.machine.state == states.SHUTTING_DOWN
    world.pass_time(2)
    assert world.machine.state == states.TERMINATED


@pytest.mark.parametrize(("stops", "end"), [(True, states.STOPPED), (False, states.TERMINATED)])
def test_a_host_that_halts_by_itself_ends_its_instance(stops: bool, end: str) -> None:
    world = World(stops)
    world.pass_time(1)
    assert world.lifecycle.host_ended("i-1", 1)
    assert world.machine.cause is Cause.INSTANCE
    world.pass_time(2)
    assert world.machine.state == end


def test_a_report_about_an_earlier_boot_is_not_taken() -> None:
    world = World(stops_on_shutdown=True)
    world.pass_time(1)
    world.lifecycle.stop("i-1")
    world.pass_time(2)
    world.lifecycle.start("i-1")
    world.pass_time(1)
    assert not world.lifecycle.host_ended("i-1", 1)
    assert world.machine.state == states.RUNNING
    assert world.lifecycle.host_ended("i-1", 2)


def test_reports_about_unknown_instances_are_not_taken(world: World) -> None:
    assert not world.lifecycle.host_ended("i-2", 1)


def test_a_repeated_report_changes_nothing(world: World) -> None:
    world.lifecycle.host_ended("i-1", 1)
    before = world.changes
    assert world.lifecycle.host_ended("i-1", 1)
    assert world.changes == before


def test_an_interruption_ends_the_instance_when_its_notice_runs_out(world: World) -> None:
    notice = world.lifecycle.interrupt("i-1", 120)
    assert (notice.action, notice.time, world.machine.notices) == ("terminate", world.now + 120, 1)
    world.pass_time(119)
    assert world.machine.state == states.RUNNING
    world.pass_time(1)
    assert (world.machine.state, world.machine.cause) == (states.SHUTTING_DOWN, Cause.SPOT)


def test_a_stopped_instance_cannot_be_interrupted(world: World) -> None:
    world.lifecycle.stop("i-1")
    with pytest.raises(WrongState):
        world.lifecycle.interrupt("i-1", 120)


def test_terminating_a_stopped_instance_waits_for_no_host(world: World) -> None:
    world.lifecycle.stop("i-1")
    world.pass_time(2)
    world.lifecycle.host_manager_seen()
    world.lifecycle.terminate("i-1")
    world.pass_time(1)
    assert world.machine.state == states.TERMINATED


def test_a_reboot_is_a_new_boot_of_a_running_instance(world: World) -> None:
    world.lifecycle.reboot("i-1")
    life = world.lifecycle.find("i-1")
    assert life is not None
    assert (life.state, life.boot) == (states.RUNNING, 2)


def test_a_terminated_instance_is_forgotten_after_an_hour(world: World) -> None:
    world.lifecycle.terminate("i-1")
    world.pass_time(3600)
    assert not world.machine.gone
    world.pass_time(2)
    assert world.machine.gone
    assert world.lifecycle.find("i-1") is None


def test_every_change_is_told(world: World) -> None:
    before = world.changes
    world.lifecycle.terminate("i-1")
    world.pass_time(2)
    assert world.changes == before + 2


ACTIONS = ["start", "stop", "terminate", "reboot", "interrupt", "ended", "wait", "hosts"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.floats(0, 20)), max_size=25), st.booleans())
def test_whatever_happens_the_states_are_ec2s_and_a_terminate_comes_to_its_end(
    actions: list[tuple[str, float]], stops: bool
) -> None:
    world = World(stops)
    for action, seconds in actions:
        _act(world, action)
        world.pass_time(seconds)
    if not world.machine.gone and world.lifecycle.find("i-1") is not None:
        world.lifecycle.terminate("i-1")
        world.pass_time(TIMING.ending_most + 1)
    assert world.machine.state == states.TERMINATED


def _act(world: World, action: str) -> None:
    life = world.lifecycle
    if life.find("i-1") is None:
        return
    try:
        match action:
            case "interrupt":
                life.interrupt("i-1", 5)
            case "ended":
                found = life.find("i-1")
                assert found is not None
                life.host_ended("i-1", found.boot)
            case "hosts":
                life.host_manager_seen()
            case "start" | "stop" | "terminate" | "reboot":
                getattr(life, action)("i-1")
    except WrongState:
        pass
