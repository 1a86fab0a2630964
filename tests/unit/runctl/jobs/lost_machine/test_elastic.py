"""Whether several machines go on while another one cannot be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import job_spec, placement, resource, stack_config, stack_state
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import NoCapacityError
from runctl_auto.jobs.job import Job
from runctl_auto.jobs.lost_machine.elastic import apply_beside_others, rest_goes_on
from runctl_auto.stack.config import Placement


def job(folder: Path, *alive: int) -> Any:
    provider = fake_provider()
    provider.running.side_effect = lambda ids: frozenset(f"i-{node}" for node in alive) & set(ids)
    found = create_autospec(Job, instance=True)
    found.provider = provider
    found.session = fake_session(folder, provider=provider)
    return found


def state(*nodes: int) -> Any:
    named = (resource("aws:ec2/instance:Instance", f"digits-node-{n}-instance", f"i-{n}") for n in nodes)
    return stack_state(*named)


@pytest.mark.parametrize(
    ("elastic", "named", "alive", "goes_on"),
    [
        ({"min": 2}, (0, 1, 2), (0, 2), True),
        ({"min": 2}, (0, 2), (0, 2), True),
        ({"min": 2}, (0, 1, 2), (0,), False),
        ({"min": 2}, (0, 1, 2), (1, 2), False),
        ({"min": 2}, (1, 2), (1, 2), False),
        ({"min": 2}, (0, 1, 2), (0, 1, 2), False),
        (None, (0, 1, 2), (0, 2), False),
    ],
    ids=[
        "lost",
        "not in the state",
        "too few",
        "without 0",
        "0 unknown",
        "none lost",
        "not asked for",
    ],
)
def test_enough_of_them_and_machine_0_must_be_there(
    tmp_path: Path,
    elastic: dict[str, int] | None,
    named: tuple[int, ...],
    alive: tuple[int, ...],
    goes_on: bool,
) -> None:
    config = stack_config(job=job_spec(nodes=3, elastic=elastic))
    assert rest_goes_on(job(tmp_path, *alive), config, state(*named)) is goes_on


@pytest.mark.parametrize(("alive", "moves"), [((0, 2), False), ((0,), True)])
def test_those_that_go_on_stay_where_they_are(tmp_path: Path, alive: tuple[int, ...], moves: bool) -> None:
    config = stack_config(job=job_spec(nodes=3, elastic={"min": 2}))
    held = job(tmp_path, *alive)
    held.compute.return_value.instances = ()
    held.name = "digits"
    held.stack = create_autospec(JobStack, instance=True)
    held.stack.up.side_effect = NoCapacityError("none")

    def others() -> Iterator[Placement]:
        yield placement(zone="us-east-1c")

    with pytest.raises(NoCapacityError) as refused:
        apply_beside_others(held, config, state(0, 1, 2), others, refresh=True)
    assert held.stack.up.call_count == (2 if moves else 1)
    assert held.compute.called is moves, "the machines are cleared away before another place"
    assert ("The others go on without it." in refused.value.what) is not moves
    assert ("`runctl watch digits` asks for it again" in (refused.value.next_step or "")) is not moves
    assert refused.value.trail
