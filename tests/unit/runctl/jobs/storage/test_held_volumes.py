"""What a changed job file must not do to volumes that exist, told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.held_resources import held_state

from runctl_auto.errors import JobFileError, ProtectedError
from runctl_auto.job_file.load import load_job_file
from runctl_auto.jobs.storage.held_volumes import refuse_what_the_state_forbids

HEAD = "name: digits\nregion: us-east-1\nrun: 'true'\nresources: {instance_types: [t3.micro]}\n"
STATE = held_state("digits", volumes={"data": True, "cache": False}, bucket=True)


def check(folder: Path, rest: str) -> None:
    path = folder / "job.yaml"
    path.write_text(HEAD + rest)
    refuse_what_the_state_forbids(load_job_file(path), STATE)


CACHE = "  - {name: cache, size: 100GB, mount: /cache}\n"
DATA = "  - {name: data, size: 100GB, mount: /data}\n"


@pytest.mark.parametrize(
    "rest",
    [
        f"volumes:\n{DATA}{CACHE}",
        f"volumes:\n{DATA}",
        "volumes:\n  - {name: data, size: 200GB, mount: /elsewhere}\n",
        f"zones: [us-east-1a, us-east-1b]\nvolumes:\n{DATA}",
    ],
    ids=["same", "an unprotected one gone", "larger and mounted elsewhere", "zones that hold it"],
)
def test_what_keeps_the_volume_passes(tmp_path: Path, rest: str) -> None:
    check(tmp_path, rest)


@pytest.mark.parametrize(
    ("rest", "line", "words"),
    [
        ("", 1, "not listed any more"),
        (f"volumes:\n{CACHE}", 5, "not listed any more"),
        ("volumes:\n  - {name: other, size: 100GB, mount: /data}\n", 5, "not listed any more"),
        (f"zones:\n  - us-east-1a\nvolumes:\n{DATA}", 5, "lies in us-east-1b"),
        (
            "volumes:\n  - name: data\n    mount: /data\n    id: vol-0123456789abcdef0\n",
            8,
            "give way to another volume",
        ),
        (
            "volumes:\n  - name: data\n    size: 100GB\n    mount: /data\n"
            "    snapshot: snap-0123456789abcdef0\n",
            9,
            "made from no snapshot",
        ),
    ],
    ids=["no volumes", "removed", "renamed", "zone", "adopted", "snapshot"],
)
def test_what_would_lose_a_protected_volume_is_refused(
    tmp_path: Path, rest: str, line: int, words: str
) -> None:
    with pytest.raises(ProtectedError, match=words) as refused:
        check(tmp_path, rest)
    (problem,) = refused.value.problems
    assert problem.line == line
    assert "runctl unprotect digits data" in str(refused.value.next_step)
    assert int(refused.value.exit_code) == 4


def test_a_volume_does_not_shrink(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="100 GB or more") as refused:
        check(tmp_path, f"volumes:\n{DATA}  - {{name: cache, size: 50GB, mount: /cache}}\n")
    (problem,) = refused.value.problems
    assert (problem.line, problem.field) == (7, "volumes[1].size")
