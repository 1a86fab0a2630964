"""What every provider does, whatever its cloud. A new provider adds its cloud to ``CLOUDS``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

import pytest
from support.emulated_account import Account as EmulatedAccount
from support.job_stacks import job_spec
from support.runpod_account import A40, RunpodUnderTest

from components.naming import TAG_LIMIT, Names
from runctl_auto.agent.keys import status_key
from runctl_auto.errors import JobFileError, NotFoundError
from runctl_auto.job_file.spec import CloudName, JobSpec
from runctl_auto.placement.choice import choose_places
from runctl_auto.providers.aws.provider import AwsProvider
from runctl_auto.providers.contract import MachineGroup, OwnVolumes, Provider, Results, RunKey, Scanner
from runctl_auto.providers.resource import NOTHING_RELATED
from runctl_auto.providers.runpod.pod_tags import tags_variable
from runctl_auto.providers.runpod.provider import RunpodProvider
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import Placement
from runctl_auto.stack.state import parse_state

JOB = "digits"
RUN = "0123456789"
TAGS = {
    "runctl:created-by": "runctl",
    "runctl:job": JOB,
    "runctl:owner": "ann",
    "runctl:run": "r1",
}
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


class CloudUnderTest(Protocol):
    """A provider's cloud, and what a test can make in it without the provider."""

    provider: Provider
    whose: CloudName
    machine_type: str
    markets: tuple[str, ...]
    """Those that it offers."""
    keeps_ended: bool
    """Whether it tells of machines that have ended."""

    def make_machine(self, tags: Mapping[str, str]) -> str:
        """Id of a machine that runs."""

    def make_group(self, name: str) -> None:
        """A group that wants one machine and has none yet."""

    def make_volume(self) -> str:
        """Id of a volume that is attached to nothing."""

    def attach(self, volume: str, machine: str) -> None: ...

    def make_results(self) -> None:
        """The store of the results of ``JOB``."""

    def put_status(self, run: str, content: bytes) -> None: ...

    def pass_time(self) -> None:
        """Until what was begun is done."""


class EmulatedAws:
    """AWS as the sandbox emulates it, in this process."""

    whose: CloudName = "aws"
    machine_type = "t3.micro"
    markets = ("spot", "on-demand")
    keeps_ended = True

    def __init__(self, account: EmulatedAccount) -> None:
        self._account = account
        self._ec2 = account.client("ec2")
        self._bucket = Names(account="123456789012", region="us-east-1", project="runctl", job=JOB).bucket()
        self.provider = AwsProvider(account.cloud)

    def make_machine(self, tags: Mapping[str, str]) -> str:
        image = self._account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        made = self._ec2.run_instances(
            ImageId=image,
            InstanceType=self.machine_type,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": listed}] if listed else [],
        )["Instances"][0]
        self.pass_time()
        return str(made["InstanceId"])

    def make_group(self, name: str) -> None:
        image = self._account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        data = {"ImageId": image, "InstanceType": self.machine_type}
        self._ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        subnet = self._ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        self._account.client("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=1,
            DesiredCapacity=1,
            VPCZoneIdentifier=subnet,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "1"},
        )

    def make_volume(self) -> str:
        return str(self._ec2.create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"])

    def attach(self, volume: str, machine: str) -> None:
        self._ec2.attach_volume(InstanceId=machine, VolumeId=volume, Device="/dev/sdf")

    def make_results(self) -> None:
        self._account.client("s3").create_bucket(Bucket=self._bucket)

    def put_status(self, run: str, content: bytes) -> None:
        self._account.client("s3").put_object(Bucket=self._bucket, Key=status_key(run), Body=content)

    def pass_time(self) -> None:
        self._account.after(120)


class RunpodOnAws(EmulatedAws):
    """RunPod's stand-in, without processes, beside the emulated AWS that holds results."""

    whose: CloudName = "runpod"
    machine_type = "nvidia-a40.1"
    markets = ("on-demand",)
    keeps_ended = False

    def __init__(self, account: EmulatedAccount, folder: Path) -> None:
        super().__init__(account)
        self._runpod = RunpodUnderTest(folder)
        self.provider: Provider = RunpodProvider(
            AwsProvider(account.cloud), account.cloud, self._runpod.client
        )

    def make_machine(self, tags: Mapping[str, str]) -> str:
        names = Names(account="123456789012", region="us-east-1", project="runctl", job=JOB)
        name = names.name("machine", limit=TAG_LIMIT, content="r1") if tags else "somebody's"
        body = {"name": name, "image": "any", "env": tags_variable(tags) if tags else {}, **A40}
        return str(self._runpod.account.create_pod(body)["id"])

    def make_group(self, name: str) -> None:
        pytest.skip("RunPod has no groups")

    def make_volume(self) -> str:
        body = {"name": "v", "size": 10, "dataCenter": "US-KS-2"}
        return str(self._runpod.account.create_volume(body)["id"])

    def attach(self, volume: str, machine: str) -> None:
        mounts = {"network": [{"volumeId": volume, "path": "/data"}]}
        self._runpod.account.update_pod(machine, {"mounts": mounts})


CLOUDS: dict[str, Callable[[EmulatedAccount, Path], CloudUnderTest]] = {
    "aws": lambda account, _: EmulatedAws(account),
    "runpod": RunpodOnAws,
}


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, account: EmulatedAccount, tmp_path: Path) -> CloudUnderTest:
    return CLOUDS[request.param](account, tmp_path)


class TestAccount:
    def test_it_is_the_callers(self, cloud: CloudUnderTest) -> None:
        account, caller = cloud.provider.account(), cloud.provider.caller()
        assert account.id == caller.account
        assert account.partition
        assert caller.name

    def test_the_region_has_zones(self, cloud: CloudUnderTest) -> None:
        assert cloud.provider.region
        assert cloud.provider.zones()


class TestMachines:
    def test_an_unknown_machine_is_gone(self, cloud: CloudUnderTest) -> None:
        machine = cloud.provider.machine("i-0123456789abcdef0")
        assert (machine.state, machine.has_ended, machine.is_ending) == ("gone", True, True)
        assert cloud.provider.machines(["i-0123456789abcdef0"]) == {machine.id: machine}

    def test_a_machine_that_wrote_nothing_has_an_empty_console(self, cloud: CloudUnderTest) -> None:
        assert cloud.provider.console(cloud.make_machine({})) == ""

    def test_a_machine_runs_until_it_is_terminated(self, cloud: CloudUnderTest) -> None:
        identity = cloud.make_machine(TAGS)
        machine = cloud.provider.machine(identity)
        assert (machine.id, machine.has_ended, machine.is_ending) == (identity, False, False)
        assert machine.type == cloud.machine_type
        assert machine.zone in cloud.provider.zones()
        assert machine.launched_at is not None
        assert machine.ended_at is None
        listed = cloud.provider.machines([identity, "i-0123456789abcdef0"])
        assert listed[identity] == machine
        assert listed["i-0123456789abcdef0"].has_ended
        assert cloud.provider.running([identity, "i-0123456789abcdef0"]) == {identity}
        cloud.provider.terminate([identity])
        assert cloud.provider.machine(identity).is_ending
        cloud.pass_time()
        assert cloud.provider.machine(identity).has_ended
        cloud.provider.terminate([identity])
        assert cloud.provider.running([identity]) == frozenset()
        ended = cloud.provider.machines([identity])[identity]
        assert ended.has_ended
        if not cloud.keeps_ended:
            assert ended.ended_at is None
            return
        assert ended.ended_at is not None
        assert ended.ended_at >= machine.launched_at.replace(microsecond=0)

    def test_machines_of_runctl_are_known_by_their_tags(self, cloud: CloudUnderTest) -> None:
        cloud.make_machine({})
        identity = cloud.make_machine(TAGS)
        (found,) = cloud.provider.tagged_machines()
        assert found.id == identity
        assert TAGS.items() <= found.tags.items()
        assert found.created_at.utcoffset() == timedelta(0)
        cloud.provider.terminate([identity])
        cloud.pass_time()
        assert list(cloud.provider.tagged_machines()) == []


class TestGroups:
    def test_an_unknown_group_is_none_and_has_ended(self, cloud: CloudUnderTest) -> None:
        assert dict(cloud.provider.groups(["runctl-none"])) == {}
        assert list(cloud.provider.launches("runctl-none")) == []
        cloud.provider.end_group("runctl-none")

    def test_a_group_wants_a_machine_until_it_is_ended(self, cloud: CloudUnderTest) -> None:
        cloud.make_group("runctl-g")
        found = cloud.provider.groups(["runctl-g", "runctl-none"])
        assert dict(found) == {"runctl-g": MachineGroup("runctl-g", 1)}
        for _ in range(2):
            cloud.provider.end_group("runctl-g")
            assert cloud.provider.groups(["runctl-g"])["runctl-g"].wanted == 0


class TestResults:
    def results(self, cloud: CloudUnderTest) -> Results:
        return cloud.provider.results(JOB, cloud.provider.account().id)

    def test_without_a_store_nothing_is_there(self, cloud: CloudUnderTest, tmp_path: Path) -> None:
        results = self.results(cloud)
        assert results.name
        assert (results.status("r1"), results.runs(), results.artifacts("r1")) == (None, (), None)
        assert list(results.log_parts("r1")) == []
        with pytest.raises(NotFoundError):
            results.request_stop("r1", reason="down", grace_seconds=1, at="2030-01-01T00:00:00Z")
        with pytest.raises(NotFoundError):
            results.has_unlisted_artifacts("r1")

    def test_a_run_that_left_nothing(self, cloud: CloudUnderTest) -> None:
        cloud.make_results()
        results = self.results(cloud)
        assert (results.status("r1"), results.runs(), results.artifacts("r1")) == (None, (), None)
        assert not results.has_unlisted_artifacts("r1")

    def test_a_request_to_stop_may_be_repeated(self, cloud: CloudUnderTest) -> None:
        cloud.make_results()
        for _ in range(2):
            self.results(cloud).request_stop(
                RUN, reason="down", grace_seconds=1, at=datetime.now(timezone.utc).isoformat()
            )
        assert self.results(cloud).runs() == (RUN,)

    @pytest.mark.parametrize("name", ["..", ".", "checkpoints", "0123456789x", "x"])
    def test_names_that_are_no_ids_are_no_runs(self, cloud: CloudUnderTest, name: str) -> None:
        cloud.make_results()
        for run in (name, RUN):
            cloud.put_status(run, b"{}")
        assert self.results(cloud).runs() == (RUN,)

    def test_statuses_come_in_the_order_of_the_runs(self, cloud: CloudUnderTest) -> None:
        cloud.make_results()
        cloud.put_status("r2", json.dumps({"schema": 1, "phase": "running"}).encode())
        cloud.put_status("r3", b"no status")
        account = cloud.provider.account().id
        found = cloud.provider.statuses([RunKey(JOB, account, run) for run in ("r1", "r2", "r3")])
        assert found[0] is None
        assert found[1] == self.results(cloud).status("r2")
        assert getattr(found[1], "phase", None) == "running"
        assert isinstance(found[2], RunStatus)
        assert found[2] == self.results(cloud).status("r3")
        assert "cannot be read" in str(found[2].unreadable)
        assert cloud.provider.statuses([]) == []


class TestPlacement:
    def places(self, cloud: CloudUnderTest, spec: JobSpec, zone: str | None = None) -> tuple[Placement, ...]:
        provider = cloud.provider
        return choose_places(spec, provider, provider.account(), zone=zone, known=None).places

    def test_offers_are_places_that_the_job_allows(self, cloud: CloudUnderTest) -> None:
        spec = job_spec(provider=cloud.whose, resources={"instance_types": [cloud.machine_type]})
        account = cloud.provider.account()
        offers = cloud.provider.offers(spec, account).offers
        assert all(bool(each.places) != bool(each.left_out) for each in offers), (
            "a place, or why there is none"
        )
        places = self.places(cloud, spec)
        assert {each.instance_type for each in places} == {cloud.machine_type}
        assert {each.region for each in places} == {cloud.provider.region}
        assert {each.account for each in places} == {account.id}
        markets = [each.market for each in places]
        assert markets == sorted(markets, key=["spot", "on-demand"].index), "spot comes first"
        assert set(markets) == set(cloud.markets)
        zone = places[-1].zone
        assert {each.zone for each in cloud.provider.offers(spec, account, zone=zone).offers} == {zone}

    def test_a_machine_type_that_does_not_exist_is_refused(self, cloud: CloudUnderTest) -> None:
        spec = job_spec(provider=cloud.whose, resources={"instance_types": ["t3.enormous"]})
        with pytest.raises(JobFileError):
            cloud.provider.offers(spec, cloud.provider.account())

    def test_a_place_fits_while_the_size_asked_for_stays(self, cloud: CloudUnderTest) -> None:
        spec = job_spec(provider=cloud.whose, resources={"instance_types": [cloud.machine_type]})
        place = self.places(cloud, spec)[0]
        assert cloud.provider.machine_fits(place, spec, spec)
        larger = job_spec(
            provider=cloud.whose, resources={"instance_types": [cloud.machine_type], "memory": "512GB.."}
        )
        assert not cloud.provider.machine_fits(place, larger, spec)

    def test_a_job_without_volumes_is_free(self, cloud: CloudUnderTest) -> None:
        account = cloud.provider.account()
        spec = job_spec(provider=cloud.whose, resources={"instance_types": [cloud.machine_type]})
        assert cloud.provider.zone_of_volumes(spec, account, OwnVolumes({})) is None
        place = self.places(cloud, spec)[0]
        assert cloud.provider.data_notes(spec, place) == ()

    def test_volumes_that_are_gone_are_left_out(self, cloud: CloudUnderTest) -> None:
        volume, machine = cloud.make_volume(), cloud.make_machine({})
        assert cloud.provider.volumes([]) == {}
        (use,) = cloud.provider.volumes([volume, "vol-0123456789abcdef0"]).values()
        assert (use.id, use.machines) == (volume, ())
        cloud.attach(volume, machine)
        use = cloud.provider.volumes([volume])[volume]
        assert use.machines == (machine,)
        assert volume in use.detach


class TestLeftovers:
    def scanner(self, cloud: CloudUnderTest, owner: str = "ann") -> Scanner:
        account = cloud.provider.account().id
        return cloud.provider.scanner(JOB, account, owner, backend="file:///state")

    def test_what_exists_is_found_and_can_be_removed(self, cloud: CloudUnderTest) -> None:
        account = cloud.provider.account().id
        assert self.scanner(cloud).find() == ()
        identity = cloud.make_machine(TAGS)
        (found,) = self.scanner(cloud).find()
        assert (found.id, found.job, found.owner) == (identity, JOB, "ann")
        assert cloud.provider.kinds[found.kind].is_machine
        in_account = cloud.provider.survey_account(account, [JOB], lambda job, kind: 0.5)
        assert [(each.id, each.cost_hour) for each in in_account.found] == [(identity, 0.5)]
        assert in_account.unchecked == ()
        assert cloud.provider.tags_before_removal(found, account) == {}
        cloud.provider.terminate([identity])
        cloud.pass_time()
        assert self.scanner(cloud).find() == ()

    def test_what_another_owner_has_is_foreign(self, cloud: CloudUnderTest) -> None:
        identity = cloud.make_machine(TAGS)
        survey = self.scanner(cloud, owner="bob").survey()
        assert survey.found == ()
        assert [each.id for each in survey.foreign] == [identity]

    def test_the_records_are_those_of_the_scanner(self, cloud: CloudUnderTest) -> None:
        assert self.scanner(cloud).kinds is cloud.provider.kinds
        assert set(cloud.provider.kinds.removal_order) == {kind.name for kind in cloud.provider.kinds}

    def test_an_empty_state_has_no_relations(self, cloud: CloudUnderTest) -> None:
        assert self.scanner(cloud).relations(parse_state({})) == NOTHING_RELATED
        assert self.scanner(cloud).pending_unlisted(parse_state({})) == ()
        assert self.scanner(cloud).unrecorded_unlisted(parse_state({})) == ()
