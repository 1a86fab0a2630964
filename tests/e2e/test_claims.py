"""Claims of several processes in a shared folder and in a bucket of the emulated cloud."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.emulated_cloud import client
from support.job_stacks import FakeTime

from runctl_auto.backend.claims import TERM_SECONDS, Claims, Lease, Refused
from runctl_auto.backend.files import BackendFiles, FolderFiles
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.backend_objects import S3Files

pytestmark = pytest.mark.sandbox

HOLD = """
import sys, time
from pathlib import Path
from runctl_auto.backend.claims import Claims, Lease
from runctl_auto.backend.files import FolderFiles
claims = Claims(FolderFiles(Path(sys.argv[1])), "runctl", time.monotonic, lambda: "now")
assert isinstance(claims.attempt("digits"), Lease)
print("held", flush=True)
sys.stdin.read()
"""

Open = Callable[[], BackendFiles]


@pytest.fixture(params=["folder", "bucket"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens one backend, for each holder anew."""
    if request.param == "folder":
        return lambda: FolderFiles(tmp_path / ".pulumi")
    url = request.getfixturevalue("cloud_url")
    bucket = f"states-{tmp_path.name[-20:].replace('_', '-')}".lower()
    client(url, "s3").create_bucket(Bucket=bucket)
    return lambda: S3Files(
        Cloud(lambda service, region: client(url, service), "us-east-1"), bucket, ".pulumi/"
    )


def claims(opened: Open, clock: FakeTime, *, is_far: bool = False) -> Claims:
    """With ``is_far`` of a process on another machine."""
    if is_far:
        return Claims(opened(), "runctl", clock.monotonic, lambda: "now", process=lambda: None)
    return Claims(opened(), "runctl", clock.monotonic, lambda: "now")


def test_of_many_that_want_a_job_at_once_one_has_it(opened: Open) -> None:
    clock = FakeTime()
    for _ in range(3):
        start, outcomes = threading.Barrier(4), list[Lease | Refused]()

        def want(start: threading.Barrier = start, outcomes: list[Lease | Refused] = outcomes) -> None:
            mine = claims(opened, clock)
            start.wait()
            outcomes.append(mine.attempt("digits"))

        threads = [threading.Thread(target=want) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        held = [each for each in outcomes if isinstance(each, Lease)]
        assert (len(outcomes), len(held)) == (4, 1)
        assert held[0].renew()
        held[0].release()


def test_a_holder_on_another_machine_is_succeeded_after_its_term(opened: Open) -> None:
    clock = FakeTime()
    far, mine = claims(opened, clock, is_far=True), claims(opened, clock)
    lease = far.attempt("digits")
    assert isinstance(lease, Lease)
    assert isinstance(mine.attempt("digits"), Refused)
    clock.sleep(TERM_SECONDS - 1)
    assert lease.renew()
    assert isinstance(mine.attempt("digits"), Refused)
    clock.sleep(TERM_SECONDS)
    assert isinstance(mine.attempt("digits"), Lease)
    assert not lease.still_held()
    assert [each.name for each in mine.held()] == ["digits"]


def test_a_killed_holder_on_this_machine_is_succeeded_at_once(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".pulumi")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    mine = claims(lambda: FolderFiles(tmp_path / ".pulumi"), FakeTime())
    refused = mine.attempt("digits")
    assert isinstance(refused, Refused)
    assert refused.life == "alive"
    assert refused.owner is not None
    assert refused.owner.pid == holder.pid
    holder.kill()
    holder.wait()
    assert isinstance(mine.attempt("digits"), Lease)
