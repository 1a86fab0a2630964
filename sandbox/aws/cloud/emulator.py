"""Puts the emulated cloud together: corrected moto, lifecycle, faults, control interface."""

import threading
from collections.abc import Callable
from typing import Any

from sandbox.aws.cloud.application import CloudApplication, CloudLocks, Wsgi
from sandbox.aws.cloud.changes import Changes
from sandbox.aws.cloud.control import Control
from sandbox.aws.cloud.description import describe
from sandbox.aws.cloud.faults import Faults
from sandbox.aws.cloud.lifecycle import Lifecycle, Timing
from sandbox.aws.corrections.catalogue import apply_all
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.corrections.patches import Emulation

_LONGEST_NAP = 60.0
_CREDENTIALS = ("sandbox", "sandbox")
_FIRST_CALLS = (
    ("ec2", "describe_instances"),
    ("s3", "list_buckets"),
    ("iam", "list_instance_profiles"),
    ("ssm", "describe_parameters"),
    ("sts", "get_caller_identity"),
)


class Emulator:
    """One cloud, empty at first. `clock` gives seconds since 1970."""

    def __init__(self, cloud_id: str, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._locks = CloudLocks()
        self._changes = Changes()
        self._something_due = threading.Event()
        self._lifecycle = Lifecycle(clock, self._changed, Timing())
        consistency = Consistency()
        apply_all(Emulation(clock, self._lifecycle, consistency))
        faults = Faults()
        control = Control(
            cloud_id,
            self._locks.plane,
            self._locks.storage,
            self._lifecycle,
            self._changes,
            faults,
            consistency,
            lambda: describe(self._lifecycle.lives()),
        )
        self.application = CloudApplication(_moto(), control, faults, self._changes, self._locks)

    def keep_time(self) -> None:
        """Make the transitions of the instances when they are due; does not return."""
        while True:
            with self._locks.plane:
                self._lifecycle.advance()
                due = self._lifecycle.next_deadline()
            nap = _LONGEST_NAP if due is None else min(max(due - self._clock(), 0.0), _LONGEST_NAP)
            self._something_due.wait(nap)
            self._something_due.clear()

    def warm_up(self, url: str) -> None:
        """Make the first calls, which load moto's tables, so that nobody else waits for them."""
        import boto3
        from botocore.config import Config

        config = Config(retries={"total_max_attempts": 1}, read_timeout=30)
        session: Any = boto3.Session(*_CREDENTIALS, region_name="us-east-1")
        for service, operation in _FIRST_CALLS:
            getattr(session.client(service, endpoint_url=url, config=config), operation)()

    def _changed(self) -> None:
        self._changes.bump()
        self._something_due.set()


def _moto() -> Wsgi:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    application: Wsgi = DomainDispatcherApplication(create_backend_app)
    return application
