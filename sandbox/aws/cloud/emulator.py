"""Assembles the emulated cloud: corrected moto, lifecycle, faults, control interface."""

import threading
import traceback
from collections.abc import Callable
from typing import Any

from werkzeug.test import create_environ

from sandbox.access.keys import CloudKeys
from sandbox.aws.cloud import scheduler_store
from sandbox.aws.cloud.application import CloudApplication, CloudLocks, Wsgi
from sandbox.aws.cloud.changes import Changes
from sandbox.aws.cloud.control import Control
from sandbox.aws.cloud.description import describe
from sandbox.aws.cloud.disconnected import Disconnected, instance_of_session
from sandbox.aws.cloud.experiment_machines import ExperimentMachines
from sandbox.aws.cloud.fault_injection import FaultInjection
from sandbox.aws.cloud.faults import Faults
from sandbox.aws.cloud.guard import Guard
from sandbox.aws.cloud.launch_zone import located
from sandbox.aws.cloud.lifecycle import RUNNING, Lifecycle, Timing
from sandbox.aws.cloud.points import Points
from sandbox.aws.cloud.quotas import Quotas
from sandbox.aws.cloud.scaling.keeper import Keeper, Launch, Launched, first_that_launches
from sandbox.aws.cloud.scaling.launching import Launching
from sandbox.aws.cloud.scaling.moto_cloud import MotoGroupCloud, moto_groups
from sandbox.aws.cloud.scheduled_calls import ScheduledCalls
from sandbox.aws.cloud.session_access import SessionAccess
from sandbox.aws.cloud.session_manager.service import SessionManager
from sandbox.aws.cloud.tagged_resources import MotoResources
from sandbox.aws.corrections.catalogue import apply_all
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.corrections.patches import Emulation

_LONGEST_NAP = 60.0
_AFTER_FAILURE = 5.0
_FIRST_CALLS = (
    ("ec2", "Action=DescribeInstances&Version=2016-11-15"),
    ("iam", "Action=ListInstanceProfiles&Version=2010-05-08"),
    ("sts", "Action=GetCallerIdentity&Version=2011-06-15"),
)


class Emulator:
    """One cloud, initially empty, which serves who has its keys. `clock` returns seconds since 1970,
    `console` the console log of an instance."""

    def __init__(
        self,
        cloud_id: str,
        keys: CloudKeys,
        clock: Callable[[], float],
        console: Callable[[str], bytes] = lambda _: b"",
    ) -> None:
        self._clock = clock
        self._locks = CloudLocks()
        self._changes = Changes()
        self._something_due = threading.Event()
        self._groups_due = threading.Event()
        self._lifecycle = Lifecycle(clock, self._changed, Timing())
        consistency = Consistency()
        self._scheduled = ScheduledCalls(clock, scheduler_store.listed, scheduler_store.invoke)
        disconnected = Disconnected(instance_of_session)
        groups = moto_groups()
        group_cloud = MotoGroupCloud(self._lifecycle)
        self._keeper = Keeper(groups, group_cloud, clock)
        apply_all(
            Emulation(
                clock,
                self._lifecycle,
                consistency,
                rescheduled=self._something_due.set,
                unreachable=lambda instance: disconnected.set(instance, connected=False),
                console=console,
                groups=groups,
                regrouped=self._groups_due.set,
            )
        )
        faults = Faults()
        points = Points()
        quotas = Quotas()
        control = Control(
            cloud_id,
            self._locks.plane,
            self._locks.storage,
            self._lifecycle,
            self._changes,
            faults,
            points,
            consistency,
            disconnected,
            quotas,
            lambda: describe(self._lifecycle.lives()),
        )
        self._cloud = CloudApplication(
            moto=_moto(),
            control=control,
            faults=faults,
            experiments=FaultInjection(ExperimentMachines(self._lifecycle), clock),
            points=points,
            changes=self._changes,
            locks=self._locks,
            disconnected=disconnected,
            quotas=quotas,
            session_manager=SessionManager(
                clock=clock,
                instance_of=disconnected.instance_behind,
                is_running=self._runs,
                is_cut_off=lambda instance: disconnected.holds(instance) or self._hangs(instance),
            ),
            located=located,
            launches_fail=self._lifecycle.launches_fail,
        )
        self._launching = Launching(self._cloud, group_cloud, self._locks.plane, clock)
        sessions = SessionAccess(self._locks.plane, MotoResources(groups))
        self.application = Guard(self._cloud, keys, sessions)

    def keep_time(self) -> None:
        """Run due instance transitions and schedule calls; does not return."""
        while True:
            with self._locks.plane:
                self._scheduled.fire()
                self._lifecycle.advance()
                deadlines = (self._lifecycle.next_deadline(), self._scheduled.next_deadline())
            due = min((each for each in deadlines if each is not None), default=None)
            nap = _LONGEST_NAP if due is None else min(max(due - self._clock(), 0.0), _LONGEST_NAP)
            self._something_due.wait(nap)
            self._something_due.clear()

    def keep_groups(self) -> None:
        """Keep Auto Scaling groups at their capacity; does not return.

        Apart from `keep_time`, which must not wait for a launch.
        """
        while True:
            try:
                nap = self._review_groups()
            except Exception:  # a failure of the sandbox's own must not end all groups
                traceback.print_exc()
                nap = _AFTER_FAILURE
            self._groups_due.wait(nap)
            self._groups_due.clear()

    def _review_groups(self) -> float:
        """Review all groups and launch what they want; return the seconds until the next review."""
        with self._locks.plane:
            launches = self._keeper.review()
        for launch in launches:
            result = self._launched(launch)
            with self._locks.plane:
                self._keeper.launched(launch, result)
        with self._locks.plane:
            due = self._keeper.next_deadline()
        if launches:
            return 0.0
        return _LONGEST_NAP if due is None else min(max(due - self._clock(), 0.0), _LONGEST_NAP)

    def _launched(self, launch: Launch) -> Launched:
        """The result of a launch; a failure of the sandbox's own is one of the launch."""
        try:
            return first_that_launches(launch, self._launching)
        except Exception as error:
            traceback.print_exc()
            return Launched(None, None, ((launch.places[0], "InternalError", repr(error)),))

    def warm_up(self) -> None:
        """Make the first calls, which load moto's tables, so that no client waits for them.

        Raises RuntimeError when a call fails.
        """
        for service, body in _FIRST_CALLS:
            environ = _environ(service, body.encode())
            answers: list[str] = []
            list(self._cloud(environ, lambda status, *_, answers=answers: answers.append(status)))
            if not answers[0].startswith("200"):
                raise RuntimeError(f"the emulator's first call of {service} failed: {answers[0]}")

    def _runs(self, instance: str) -> bool:
        with self._locks.plane:
            life = self._lifecycle.find(instance)
            return life is not None and life.state == RUNNING

    def _hangs(self, instance: str) -> bool:
        # Without the lock: one look-up, made for every message of a session.
        life = self._lifecycle.find(instance)
        return life is not None and life.power != "on"

    def _changed(self) -> None:
        self._changes.bump()
        self._something_due.set()
        self._groups_due.set()


def _environ(service: str, body: bytes) -> dict[str, Any]:
    """The WSGI environment of a call, as the HTTP server passes it."""
    scope = f"sandbox/20260101/us-east-1/{service}/aws4_request"
    environ = create_environ(
        "/", "http://127.0.0.1", method="POST", data=body, content_type="application/x-www-form-urlencoded"
    )
    return {**environ, "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"}


def _moto() -> Wsgi:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    application: Wsgi = DomainDispatcherApplication(create_backend_app)
    return application
