"""What the job as it is means for what comes: the pinned zone, an active run, the protection in force."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.job_stacks import (
    RUN,
    group_state,
    instance_state,
    job_spec,
    network_volume_state,
    placement,
    resource,
    stack_config,
    stack_state,
    volume_state,
)
from support.job_stacks import offers as offered
from support.sessions import fake_provider, fake_session

from runctl_auto.errors import JobFileError, UsageError
from runctl_auto.jobs.current_job import CurrentJob
from runctl_auto.jobs.intent import Intent, decide, other_places
from runctl_auto.jobs.material import Material
from runctl_auto.jobs.session import Session
from runctl_auto.providers.contract import Account, MachineGroup, Offers
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.schema import AwsSettings
from runctl_auto.stack.config import Protection
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices
from runctl_auto.stack.state import StackState
from runctl_auto.stack.trail import RefusedPlace

RUNNING = RunStatus(run="r1", phase="running")
ENDED = RunStatus(run="r1", phase="succeeded")
NEW = CurrentJob(None, StackState((), ()), None)
VOLUME = [{"name": "data", "size": "10GB", "mount": "/data", "protect": True}]


def present(*resources: dict[str, Any], status: RunStatus | None = RUNNING, **config: Any) -> CurrentJob:
    return CurrentJob(stack_config(**config), stack_state(*resources), status)


@pytest.mark.parametrize(
    ("job", "active"),
    [
        (NEW, False),
        (present(instance_state()), True),
        (present(instance_state(), status=None), True),
        (present(instance_state(), status=ENDED), False),
        (present(group_state()), True),
        (present(status=RUNNING), False),
    ],
    ids=["new", "runs", "starts", "ended", "group", "no machine"],
)
def test_an_active_run_has_a_machine_and_no_end(job: CurrentJob, active: bool) -> None:
    assert job.run_is_active is active


@pytest.mark.parametrize(
    ("job", "zone"),
    [
        (NEW, None),
        (present(instance_state()), None),
        (present(instance_state(), volume_state()), "us-east-1b"),
        (present(volume_state(), status=ENDED), "us-east-1b"),
        (present(volume_state(), status=None), None),
        (present(volume_state(protect=True), status=None), "us-east-1b"),
        (present(network_volume_state()), "EU-RO-1"),
    ],
    ids=["new", "no volume", "placed", "ended", "never placed", "kept by an earlier down", "at RunPod"],
)
def test_volumes_pin_the_zone_from_the_first_placement_on(job: CurrentJob, zone: str | None) -> None:
    assert job.pinned_zone == zone


@pytest.fixture
def session() -> Session:
    provider = fake_provider()

    def offers(
        spec: Any, account: Account, *, zone: str | None = None, known: RegionPrices | None = None
    ) -> Offers:
        return offered(
            placement(zone=zone or "us-east-1c", price_hour=0.009), placement(), notes=("a note on places",)
        )

    provider.offers.side_effect = offers
    return fake_session(provider=provider)


def decided(session: Session, spec: Any, job: CurrentJob, *, rerun: bool = False) -> Intent:
    material = Material(Account("111122223333", "aws"), "c" * 64, "a" * 64)
    return decide(session, spec, job, material, rerun=rerun)


def same_run(spec: Any, job: CurrentJob) -> CurrentJob:
    """``job`` with the run that ``spec`` means, as a first attempt."""
    from runctl_auto.run.identity import run_id

    assert job.config is not None
    identity = run_id(spec, "c" * 64, 1)
    run = replace(RUN, id=identity, lineage=identity)
    return CurrentJob(replace(job.config, run=run, job=spec), job.state, job.status)


@pytest.mark.parametrize(("wanted", "limit", "noted"), [(True, None, 1), (True, "1h", 0), (False, None, 0)])
def test_a_schedule_that_has_no_time_is_told(
    session: Session, wanted: bool, limit: str | None, noted: int
) -> None:
    aws = AwsSettings(end_schedule=wanted)
    session = replace(session, settings=session.settings.model_copy(update={"aws": aws}))
    found = decided(session, job_spec(max_duration=limit), NEW)
    assert found.config.end_schedule is wanted
    assert len([note for note in found.notes if "aws.end_schedule" in note]) == noted


@pytest.mark.parametrize(("internet", "noted"), [(False, 1), (True, 0)])
def test_a_place_without_internet_is_told(internet: bool, noted: int) -> None:
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offered(placement(internet=internet))
    found = decided(fake_session(provider=provider), job_spec(), NEW)
    assert len([note for note in found.notes if "reaches AWS's endpoints only" in note]) == noted
    provider.data_notes.assert_called_once_with(job_spec(), found.config.placement)


def test_the_other_places_are_all_but_the_one_that_failed(session: Session) -> None:
    """Another subnet of the same zone is another place."""
    other = placement(subnet="subnet-2")
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offered(placement(), other)
    found = other_places(fake_session(provider=provider), stack_config(), NEW)
    assert found == (other,)


def test_a_new_job_goes_to_the_first_place_unprotected(session: Session) -> None:
    found = decided(session, job_spec(volumes=VOLUME), NEW)
    assert found.config.placement.zone == "us-east-1c"
    assert len(found.places) == 2
    assert found.config.owner == "bob"
    assert found.config.protection == Protection(volumes={"data": False})
    assert found.wanted == Protection(volumes={"data": True})
    assert not found.replaces_active_run


def test_the_same_job_again_keeps_run_place_owner_and_protection(session: Session) -> None:
    spec = job_spec(volumes=VOLUME)
    held = volume_state(protect=True, zone="us-east-1a")
    before = same_run(spec, present(instance_state(), held))
    found = decided(session, spec, before)
    assert before.config is not None
    assert (found.config.run, found.config.placement) == (before.config.run, before.config.placement)
    assert found.config.owner == "ann"
    assert found.config.protection == found.wanted
    assert not found.replaces_active_run


def test_notes_on_places_are_part_of_the_plan_of_a_new_run_only(session: Session) -> None:
    assert "a note on places" in decided(session, job_spec(), NEW).notes
    again = decided(session, job_spec(), same_run(job_spec(), present(instance_state())))
    assert "a note on places" not in again.notes


@pytest.mark.parametrize(
    ("settled", "asked", "disk"),
    [(None, None, 50), (None, "20GB", 20), (115, None, 115), (115, "200GB", 200)],
    ids=["earlier version", "named", "settled", "named later"],
)
def test_the_disk_is_what_the_job_names_else_what_was_settled(
    session: Session, settled: int | None, asked: str | None, disk: int
) -> None:
    types = {"instance_types": ["t3.micro", "m5.large"]}
    spec = job_spec(resources={**types, "disk": asked} if asked else types)
    before = same_run(job_spec(), present(instance_state()))
    assert before.config is not None
    place = replace(before.config.placement, disk_gb=settled)
    found = decided(session, spec, replace(before, config=replace(before.config, placement=place)))
    assert found.config.run == before.config.run
    assert found.config.disk_gb == disk


def test_changed_code_replaces_the_active_run_in_its_zone(session: Session) -> None:
    spec = job_spec(run="false", volumes=VOLUME)
    before = same_run(job_spec(volumes=VOLUME), present(instance_state(), volume_state()))
    found = decided(session, spec, before)
    assert found.replaces_active_run
    assert found.config.placement.zone == "us-east-1b"
    assert before.config is not None
    assert found.config.run.lineage == before.config.run.id, "it goes on from the checkpoints"


def test_an_active_run_whose_place_is_no_longer_allowed_moves_as_a_new_attempt(session: Session) -> None:
    before = same_run(job_spec(), present(instance_state()))
    found = decided(session, job_spec(resources={"instance_types": ["m5.large"]}), before)
    assert found.replaces_active_run
    assert found.config.run.attempt == 2


def test_an_ended_run_stays_where_it_was(session: Session) -> None:
    before = same_run(job_spec(), present(status=ENDED))
    found = decided(session, job_spec(resources={"instance_types": ["m5.large"]}), before)
    assert before.config is not None
    assert found.config.placement == before.config.placement


def test_rerun_makes_a_new_attempt(session: Session) -> None:
    before = same_run(job_spec(), present(status=ENDED))
    assert decided(session, job_spec(), before, rerun=True).config.run.attempt == 2


def test_another_account_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="lives in account 999"):
        decided(session, job_spec(), present(placement=placement(account="999")))


def test_another_region_is_refused_while_something_is_there(session: Session) -> None:
    with pytest.raises(UsageError, match="cannot move to eu-west-1"):
        decided(session, job_spec(region="eu-west-1"), present(instance_state()))
    assert decided(session, job_spec(region="eu-west-1"), present()).config.job.region == "eu-west-1"


AT_AWS = resource("runctl:aws:TrainingEnvironment", "digits", "")
AT_RUNPOD = resource("runctl:runpod:TrainingEnvironment", "digits", "")
SECRET_LEFT = resource("runctl-runpod:index:Secret", "digits-access-secret", "s-1")


@pytest.mark.parametrize(
    ("there", "file", "left"),
    [
        ([AT_AWS], {"provider": "runpod"}, "AWS"),
        ([AT_RUNPOD], {"provider": "aws"}, "RunPod"),
        ([AT_AWS, SECRET_LEFT], {"provider": "aws"}, "RunPod"),
    ],
)
def test_a_provider_that_still_has_something_must_be_named(
    session: Session, there: list[dict[str, Any]], file: dict[str, Any], left: str
) -> None:
    with pytest.raises(UsageError, match=f"is at {left}, which its file no longer names") as raised:
        decided(session, job_spec(**file), present(*there))
    assert "providers: [" in str(raised.value.next_step)


def test_a_job_of_several_providers_may_move_and_says_so(session: Session) -> None:
    spec = job_spec(providers=["runpod", "aws"], resources={"gpu": "A40:1"})
    found = decided(session, spec, present(AT_AWS, status=ENDED), rerun=True)
    assert any("may be at RunPod or AWS" in each for each in found.notes)


def test_the_prices_at_launch_stay_while_the_place_does(session: Session) -> None:
    spec = job_spec()
    old = Rates(volume_gb_month=0.5, source=PriceSource(name="cache", date="2020-01-01"))
    new = decided(session, spec, NEW).config
    assert new.rates.source == PriceSource(name="book", date="2026-01-19")
    there = same_run(spec, present(status=RUNNING))
    assert there.config is not None
    kept = CurrentJob(replace(there.config, rates=old), there.state, there.status)
    assert decided(session, spec, kept).config.rates == old
    assert decided(session, spec, kept, rerun=True).config.rates == new.rates
    without = CurrentJob(replace(there.config, rates=Rates()), there.state, there.status)
    assert decided(session, spec, without).config.rates == new.rates, "of a job from before there were rates"


@pytest.mark.parametrize(
    ("backend", "source", "refused"),
    [
        ("s3://states/team?region=us-east-1", "s3://states/.pulumi", True),
        ("s3://states", "s3://states", True),
        ("s3://states", "s3://states-2/data", False),
        ("file:///states", "s3://states/data", False),
        ("https://api.pulumi.com", "s3://states/data", False),
    ],
)
def test_no_job_reads_the_states_bucket(session: Session, backend: str, source: str, refused: bool) -> None:
    environment: Any = session.environment
    environment.backend = backend
    spec = job_spec(data=[{"source": "s3://sets/a", "path": "a"}, {"source": source, "path": "b"}])
    if not refused:
        assert decided(session, spec, NEW).config.job == spec
        return
    with pytest.raises(JobFileError, match="is in the bucket with the state of all stacks") as raised:
        decided(session, spec, NEW)
    assert raised.value.where["field"] == "data[1].source"


def test_the_plan_tells_what_volumes_mean_for_the_zone(session: Session) -> None:
    spec = job_spec(volumes=VOLUME)
    new = decided(session, spec, NEW)
    (note,) = [each for each in new.notes if "volume data" in each]
    assert "planned: us-east-1c" in note
    placed = present(instance_state(), volume_state(), job=spec)
    (note,) = [each for each in decided(session, spec, placed).notes if "volumes are in" in each]
    assert "us-east-1b" in note
    assert not [each for each in decided(session, job_spec(), NEW).notes if "volume" in each]


def test_the_trail_stays_with_the_run(session: Session) -> None:
    place = {"instance_type": "t3.micro", "market": "spot", "zone": "us-east-1a", "subnet": "subnet-1"}
    refused = RefusedPlace(**place, code="X", reason="x", at="2026-01-31T12:00:00Z")  # type: ignore[arg-type]
    job = present(instance_state(), trail=(refused,))
    assert decided(session, job_spec(), same_run(job_spec(), job)).config.trail == (refused,)
    assert decided(session, job_spec(run="other"), job).config.trail == ()


def test_offers_are_compared_only_when_a_place_is_chosen(session: Session) -> None:
    zones = [each.offer.zone for each in decided(session, job_spec(), NEW).offers]
    assert zones == ["us-east-1c", "us-east-1a"]
    settled = same_run(job_spec(), present(instance_state()))
    assert decided(session, job_spec(), settled).offers == ()


CLOUD = {"recovery": "cloud", "max_duration": "1h"}


def test_a_group_is_decided_with_the_run_and_stays_with_it(session: Session) -> None:
    new = decided(session, job_spec(**CLOUD), NEW).config
    assert new.group is not None
    assert new.group.subnets == ("subnet-1",)
    assert new.group.began_at == int(session.time.now().timestamp())
    decided_before = replace(new.group, began_at=new.group.began_at - 60)
    there = same_run(job_spec(**CLOUD), present(group_state(), group=decided_before))
    assert decided(session, job_spec(**CLOUD), there).config.group == decided_before
    again = decided(session, job_spec(**CLOUD), there, rerun=True).config
    assert again.group == new.group


@pytest.mark.parametrize(
    ("file", "by"),
    [
        ({}, "runctl"),
        ({"retry": {}}, "cloud"),
        ({"retry": {"on_events": ["no-capacity"]}}, "runctl"),
        ({"retry": {}, "spot_policy": "on-demand"}, "runctl"),
        ({"retry": {}, "recovery": "none"}, "none"),
        ({"spot_policy": "on-demand", "recovery": "cloud"}, "cloud"),
    ],
)
def test_who_makes_the_next_machine_is_told(session: Session, file: dict[str, Any], by: str) -> None:
    found = decided(session, job_spec(**file), NEW)
    assert found.config.job.recovers_by == by
    assert (found.config.group is not None) == (by == "cloud")
    assert any(note.startswith(f"recovery: {by}: ") for note in found.notes)


def test_another_form_of_recovery_is_a_new_attempt_from_the_last_checkpoint(session: Session) -> None:
    before = same_run(job_spec(), present(instance_state()))
    found = decided(session, job_spec(recovery="cloud"), before)
    assert found.replaces_active_run
    assert found.config.run.attempt == 2
    assert before.config is not None
    assert found.config.run.lineage == before.config.run.id


@pytest.mark.parametrize(
    ("found", "began_at", "attempt"),
    [
        ({"g": MachineGroup("g", 1)}, None, 1),
        ({"g": MachineGroup("g", 0)}, None, 2),
        ({}, None, 1),
        ({"g": MachineGroup("g", 1)}, 1, 2),
    ],
    ids=["wants a machine", "ended", "deleted by hand", "past its latest end"],
)
def test_a_group_that_was_ended_before_its_run_is_a_new_attempt(
    session: Session, found: dict[str, MachineGroup], began_at: int | None, attempt: int
) -> None:
    session.provider().groups.side_effect = lambda names: found  # type: ignore[attr-defined]
    new = decided(session, job_spec(**CLOUD), NEW).config.group
    assert new is not None
    group = replace(new, began_at=new.began_at if began_at is None else began_at)
    before = same_run(job_spec(**CLOUD), present(group_state("g"), group=group))
    again = decided(session, job_spec(**CLOUD), before)
    assert again.config.run.attempt == attempt
    assert again.replaces_active_run is (attempt == 2)


def test_a_group_without_a_limit_is_told(session: Session) -> None:
    notes = decided(session, job_spec(recovery="cloud"), NEW).notes
    assert "no scheduled action ends the group: that needs a max_duration" in notes
    assert not [each for each in decided(session, job_spec(**CLOUD), NEW).notes if "scheduled" in each]


def test_what_differs_of_several_machines_is_told() -> None:
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offered(placement())
    session = fake_session(provider=provider)
    spec = job_spec(nodes=4, on_demand_ranks=[0, 2], elastic={"min": 3, "wait": "10m"}, spot_policy="spot")
    notes = decided(session, spec, NEW).notes
    assert "on-demand, unlike the others: machine 0, 2" in notes
    told = "elastic: 3 or more, machine 0 among them, go on without those that are not back within 10 min"
    assert told in notes
    alone = decided(session, job_spec(), NEW).notes
    assert not [each for each in alone if "elastic" in each or "unlike" in each]


@pytest.mark.parametrize(
    ("cluster", "network", "said"),
    [
        (True, {}, "in a cluster placement group"),
        (True, {"placement": "cluster"}, "in a cluster placement group"),
        (False, {}, "in no placement group"),
        (False, {"placement": "none"}, None),
    ],
)
def test_whether_several_machines_are_close_to_each_other_is_told(
    cluster: bool, network: dict[str, str], said: str | None
) -> None:
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offered(placement(cluster=cluster))
    spec = job_spec(nodes=2, network=network)
    notes = [
        each for each in decided(fake_session(provider=provider), spec, NEW).notes if "placement" in each
    ]
    assert len(notes) == (said is not None)
    assert said is None or said in notes[0]
