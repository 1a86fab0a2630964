"""The emulated cloud as a process: what its callers see over HTTP, and how it begins and ends."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from support.cloud_keys import control

import sandbox.aws.cloud
from sandbox.access.keys import CloudKeys, keys_file, new_keys, save_keys

pytestmark = pytest.mark.sandbox

SERVE = Path(sandbox.aws.cloud.__file__).parent / "serve.py"
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
START_SECONDS = 60


@dataclass
class Cloud:
    process: "subprocess.Popen[bytes]"
    url: str
    keys: CloudKeys

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def control(self, method: str, path: str, content: Any = None) -> Any:
        return control(self.url, method, path, content, keys=self.keys)

    def launch(self, **more: Any) -> str:
        image = self.client("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"]
        asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        return str(self.client("ec2").run_instances(**asked)["Instances"][0]["InstanceId"])

    def instance(self, instance_id: str) -> Any:
        known = self.control("GET", "instances?timeout=0")["instances"]
        return next((one for one in known if one["id"] == instance_id), None)

    def await_state(self, instance_id: str, state: str) -> None:
        give_up = time.monotonic() + 120
        version = -1
        while time.monotonic() < give_up:
            answer = self.control("GET", f"instances?since={version}&timeout=5")
            version = answer["version"]
            if any(one["id"] == instance_id and one["state"] == state for one in answer["instances"]):
                return
        pytest.fail(f"{instance_id} did not become {state}")


def start(folder: Path, *more: str, inherited: tuple[int, ...] = ()) -> Cloud:
    ready = folder / "cloud.ready"
    keys = new_keys()
    save_keys(keys_file(folder), keys)
    places = ("--keys", str(keys_file(folder)), "--ready-file", str(ready))
    process = subprocess.Popen(
        [sys.executable, "-I", str(SERVE), "--cloud-id", "c1", *places, *more],
        cwd=folder,
        pass_fds=inherited,
    )
    give_up = time.monotonic() + START_SECONDS
    while not ready.exists():
        assert process.poll() is None, "the cloud ended while it started"
        assert time.monotonic() < give_up, "the cloud did not become ready"
        time.sleep(0.02)
    content = json.loads(ready.read_text())
    assert content["pid"] == process.pid
    return Cloud(process, f"http://127.0.0.1:{content['port']}", keys)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    running = start(tmp_path_factory.mktemp("cloud"))
    yield running
    running.process.terminate()
    assert running.process.wait(120) == 0


def test_it_says_which_cloud_it_is(cloud: Cloud) -> None:
    assert cloud.control("GET", "health") == {"cloud": "c1"}


def test_it_listens_on_loopback_only(cloud: Cloud) -> None:
    port = int(cloud.url.rpartition(":")[2])
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex(("127.0.0.1", port)) == 0
    hexadecimal = f"{port:04X}"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    bound = {address for address in listening if address.endswith(f":{hexadecimal}")}
    assert f"0100007F:{hexadecimal}" in bound
    assert f"00000000:{hexadecimal}" not in bound


def test_an_instance_lives_and_ends_as_its_host_reports(cloud: Cloud) -> None:
    instance_id = cloud.launch(InstanceInitiatedShutdownBehavior="terminate")
    cloud.await_state(instance_id, "running")
    cloud.client("ec2").terminate_instances(InstanceIds=[instance_id])
    assert cloud.instance(instance_id)["state"] == "shutting-down"
    began = time.monotonic()
    assert cloud.control("POST", f"instances/{instance_id}/ended", {"boot": 1}) == {"taken": True}
    cloud.await_state(instance_id, "terminated")
    assert 0.5 < time.monotonic() - began < 10


def test_a_poll_learns_of_a_change_at_once(cloud: Cloud) -> None:
    version = cloud.control("GET", "instances?timeout=0")["version"]
    answers: list[Any] = []
    poll = threading.Thread(
        target=lambda: answers.append(cloud.control("GET", f"instances?since={version}&timeout=25"))
    )
    poll.start()
    cloud.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)
    poll.join(10)
    assert answers
    assert answers[0]["version"] > version


def test_user_data_arrives_byte_for_byte(cloud: Cloud) -> None:
    data = bytes(range(256)) * 64
    instance_id = cloud.launch(UserData=data)
    answer = cloud.client("ec2").describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert base64.b64decode(answer["UserData"]["Value"]) == data


def test_hosts_are_told_what_they_need(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    iam.create_role(RoleName="job", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    iam.create_instance_profile(InstanceProfileName="job")
    iam.add_role_to_instance_profile(InstanceProfileName="job", RoleName="job")
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "runctl:job", "Value": "digits"}]}]
    instance_id = cloud.launch(
        IamInstanceProfile={"Name": "job"},
        TagSpecifications=tags,
        InstanceMarketOptions={"MarketType": "spot"},
        InstanceInitiatedShutdownBehavior="terminate",
    )
    cloud.await_state(instance_id, "running")
    ec2 = cloud.client("ec2")
    volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=7, VolumeType="gp3")["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instance_id, Device="/dev/sdf")
    told = cloud.instance(instance_id)
    root, data = sorted(told["volumes"], key=lambda one: one["root"], reverse=True)
    assert (root["root"], root["device"], root["size_gb"]) == (True, "/dev/xvda", 8)
    assert data == {"id": volume, "device": "/dev/sdf", "root": False, "size_gb": 7, "snapshot": None}
    assert told["role"].endswith(":role/job")
    assert told["tags"] == {"runctl:job": "digits"}
    expected = {
        "region": "us-east-1",
        "zone": "us-east-1a",
        "type": "t3.micro",
        "market": "spot",
        "shutdown_behavior": "terminate",
        "boot": 1,
        "interruption": None,
        "rebalance": None,
    }
    assert {key: told[key] for key in expected} == expected
    answer = cloud.control("POST", f"instances/{instance_id}/interrupt", {"notice_seconds": 60})
    assert answer["action"] == cloud.instance(instance_id)["interruption"]["action"] == "terminate"


def test_injected_faults_look_like_aws(cloud: Cloud) -> None:
    fault = {
        "service": "ec2",
        "operation": "RunInstances",
        "code": "InsufficientInstanceCapacity",
        "times": 1,
        "match": {"InstanceType": "t3.small"},
    }
    cloud.control("POST", "faults", fault)
    cloud.launch(InstanceType="t3.micro")
    with pytest.raises(ClientError) as failed:
        cloud.launch(InstanceType="t3.small")
    assert failed.value.response["Error"]["Code"] == "InsufficientInstanceCapacity"
    cloud.launch(InstanceType="t3.small")


def test_a_group_keeps_one_machine_where_there_is_capacity(cloud: Cloud) -> None:
    ec2, scaling = cloud.client("ec2"), cloud.client("autoscaling")
    image = cloud.client("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"]
    data = {"ImageId": image, "InstanceType": "t3.micro"}
    template = ec2.create_launch_template(LaunchTemplateName="of-a-group", LaunchTemplateData=data)
    found = ec2.describe_subnets()["Subnets"]
    subnets = {each["AvailabilityZone"]: each["SubnetId"] for each in found}
    places = ("us-east-1a", "us-east-1b")
    for instance_type, zone in (("t3.micro", places[0]), ("t3.small", places[0]), ("t3.micro", places[1])):
        match = {
            "InstanceType": instance_type,
            "AvailabilityZone": zone,
            "InstanceMarketOptions.MarketType": "spot",
        }
        fault = {"service": "ec2", "operation": "RunInstances", "times": 9, "match": match}
        cloud.control("POST", "faults", {**fault, "code": "InsufficientInstanceCapacity"})
    specification = {"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}
    types = [{"InstanceType": each} for each in ("t3.micro", "t3.small")]
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="one",
        MinSize=0,
        MaxSize=1,
        DesiredCapacity=1,
        VPCZoneIdentifier=",".join(subnets[each] for each in places),
        MixedInstancesPolicy={
            "LaunchTemplate": {"LaunchTemplateSpecification": specification, "Overrides": types},
            "InstancesDistribution": {
                "OnDemandPercentageAboveBaseCapacity": 0,
                "SpotAllocationStrategy": "price-capacity-optimized",
            },
        },
    )
    first = await_machine(cloud, "one", but="")
    told = cloud.instance(first)
    assert (told["type"], told["zone"], told["market"]) == ("t3.small", places[1], "spot")
    assert told["tags"]["aws:autoscaling:groupName"] == "one"
    cloud.control("POST", f"instances/{first}/interrupt", {"notice_seconds": 0})
    cloud.await_state(first, "shutting-down")
    cloud.control("POST", f"instances/{first}/ended", {"boot": 1})
    second = await_machine(cloud, "one", but=first)
    cloud.control("DELETE", "faults")
    scaling.delete_auto_scaling_group(AutoScalingGroupName="one", ForceDelete=True)
    cloud.await_state(second, "shutting-down")
    cloud.control("POST", f"instances/{second}/ended", {"boot": 1})
    cloud.await_state(second, "terminated")
    launched = cloud.control("GET", "instances?timeout=0")["instances"]
    ours = [each for each in launched if each["tags"].get("aws:autoscaling:groupName") == "one"]
    assert {each["id"] for each in ours} == {first, second}


def await_machine(cloud: Cloud, group: str, *, but: str) -> str:
    """The running machine of a group, another one than `but`."""
    give_up = time.monotonic() + 120
    version = -1
    while time.monotonic() < give_up:
        answer = cloud.control("GET", f"instances?since={version}&timeout=5")
        version = answer["version"]
        for each in answer["instances"]:
            is_ours = each["tags"].get("aws:autoscaling:groupName") == group
            if is_ours and each["state"] == "running" and each["id"] != but:
                return str(each["id"])
    pytest.fail(f"the group {group} has no machine")


@pytest.mark.parametrize(
    ("service", "operation", "words"),
    [("rds", "describe_db_instances", "no service 'rds'"), ("ec2", "describe_fpga_images", "FpgaImages")],
)
def test_what_is_not_emulated_is_refused_by_name(
    cloud: Cloud, service: str, operation: str, words: str
) -> None:
    with pytest.raises(ClientError, match=words):
        getattr(cloud.client(service), operation)()


def test_objects_of_any_size_come_back_whole(cloud: Cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="whole-objects")
    for size in (0, 1, 9_000_000):
        data = os.urandom(size)
        s3.put_object(Bucket="whole-objects", Key="k", Body=data, ChecksumAlgorithm="SHA256")
        assert s3.get_object(Bucket="whole-objects", Key="k")["Body"].read() == data


def test_calls_of_many_threads_do_not_disturb_each_other(cloud: Cloud) -> None:
    s3, ec2 = cloud.client("s3"), cloud.client("ec2")
    s3.create_bucket(Bucket="many-threads")

    def work(number: int) -> str:
        key = f"k{number}"
        s3.put_object(Bucket="many-threads", Key=key, Body=key.encode() * 1000)
        volume = ec2.create_volume(AvailabilityZone="us-east-1b", Size=number + 1)["VolumeId"]
        ec2.create_tags(Resources=[volume], Tags=[{"Key": "n", "Value": key}])
        [found] = ec2.describe_volumes(Filters=[{"Name": "tag:n", "Values": [key]}])["Volumes"]
        assert (found["VolumeId"], found["Size"]) == (volume, number + 1)
        body = s3.get_object(Bucket="many-threads", Key=key)["Body"].read()
        return str(body[:4].decode().rstrip("k"))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(24)))) > 1
    assert s3.list_objects_v2(Bucket="many-threads")["KeyCount"] == 24


def test_it_serves_on_a_socket_that_it_inherits_and_ends_with_its_parent(tmp_path: Path) -> None:
    """A parent starts the cloud on its own socket, tells the port, and is killed."""
    parent_code = """
import os, socket, subprocess, sys, time
listener = socket.create_server(("127.0.0.1", 0))
listener.set_inheritable(True)
child = subprocess.Popen([sys.executable, "-I", sys.argv[1], "--cloud-id", "c2",
                          "--keys", sys.argv[3], "--ready-file", sys.argv[2],
                          "--listen-fd", str(listener.fileno())], pass_fds=[listener.fileno()])
print(listener.getsockname()[1], child.pid, flush=True)
child.wait()
"""
    ready = tmp_path / "cloud.ready"
    keys = new_keys()
    save_keys(keys_file(tmp_path), keys)
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_code, str(SERVE), str(ready), str(keys_file(tmp_path))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    port, child = map(int, parent.stdout.readline().split())
    give_up = time.monotonic() + START_SECONDS
    while not ready.exists() and time.monotonic() < give_up:
        time.sleep(0.02)
    assert control(f"http://127.0.0.1:{port}", "GET", "health", keys=keys) == {"cloud": "c2"}
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while _runs(child) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not _runs(child)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
