"""Strangers on the ports of a running sandbox: another user of the machine, a host, a page in a browser.

Each tries what `support/stranger.py` lists on every port. Nobody gets an answer that tells or changes
anything.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2
from support import stranger
from support.left_running import processes_holding

from components.iam_profile import trust_policy
from components.machine_access import MachineAccess, access_policy
from runctl_auto.agent.store import sigv4
from sandbox import daemon
from sandbox.access.keys import keys_file, load_keys
from sandbox.aws.provider.wire import Asset, encode

pytestmark = pytest.mark.sandbox

PATIENCE = 120
LEAST = 40
"""Attempts of each stranger on each port."""
NOBODY = 65534
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
OWN_CHECKPOINT = "checkpoints/line/00000000/manifest.json"
PLANTED = f"planted-{secrets.token_hex(8)}"
SECRETS = (
    "HF_TOKEN",
    "GITHUB_TOKEN",
    "CI_JOB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "PULUMI_CONFIG_PASSPHRASE",
    "WANDB_API_KEY",
    "RUNCTL_SANDBOX_TOKEN",
    "PYTHONSTARTUP",
    "LD_PRELOAD_TOKEN",
)
sys.modules["sigv4"] = sigv4  # as beside the script in a host


@dataclass
class World:
    """A sandbox with two jobs' machines: the victim's, and the stranger's own."""

    folder: Path
    endpoints: daemon.Endpoints
    private_key: Path
    owned: dict[str, str]

    @property
    def cloud_folder(self) -> Path:
        return self.folder / "clouds" / self.endpoints.cloud_id

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoints.cloud_url,
            region_name="us-east-1",
            aws_access_key_id=self.endpoints.access_key_id,
            aws_secret_access_key=self.endpoints.secret_access_key,
        )

    def host_root(self, instance: str) -> Path:
        pointer = self.cloud_folder / "hosts" / "place.json"
        place = Path(json.loads(pointer.read_text())["place"]) if pointer.exists() else self.cloud_folder
        return place / "hosts" / instance / "root"

    def hosts(self) -> list[dict[str, Any]]:
        return [json.loads(file.read_text()) for file in (self.cloud_folder / "hosts").glob("i-*.json")]

    def spec(self, *, with_role: bool) -> dict[str, Any]:
        return {
            "ports": {
                "cloud": int(self.endpoints.cloud_url.rpartition(":")[2]),
                "provider": self.endpoints.provider_port,
                "runpod": int(self.endpoints.runpod_url.rpartition(":")[2]),
            },
            "metadata": sorted(each["imds_port"] for each in self.hosts()),
            "owned": self.owned,
            "messages": {name: message.hex() for name, message in messages(self.private_key).items()},
            "with_role": with_role,
        }


def messages(private_key: Path) -> dict[str, bytes]:
    """A request of each method of the provider; one uploads a file of the caller."""
    urn = "urn:pulumi:s::p::aws:s3/bucketObject:BucketObject::it"
    args = encode({"region": "us-east-1", "skipRequestingAccountId": "true"})
    stolen = encode({"bucket": "b", "key": "k", "source": Asset("h", path=str(private_key))})
    environment = encode({"bucket": "b", "key": "k", "source": Asset("h", path="/proc/self/environ")})
    made: dict[str, Any] = {
        "GetPluginInfo": empty_pb2.Empty(),
        "Handshake": provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"),
        "Attach": plugin_pb2.PluginAttach(address="127.0.0.1:1"),
        "CheckConfig": provider_pb2.CheckRequest(urn=urn, news=args),
        "DiffConfig": provider_pb2.DiffRequest(urn=urn, news=args),
        "Configure": provider_pb2.ConfigureRequest(args=args),
        "Check": provider_pb2.CheckRequest(urn=urn, news=stolen),
        "Diff": provider_pb2.DiffRequest(urn=urn, news=stolen),
        "Create": provider_pb2.CreateRequest(urn=urn, properties=stolen),
        "Read": provider_pb2.ReadRequest(urn=urn, id="b/k", properties=environment),
        "Update": provider_pb2.UpdateRequest(urn=urn, id="b/k", news=environment),
        "Delete": provider_pb2.DeleteRequest(urn=urn, id="b/k", properties=environment),
        "Invoke": provider_pb2.InvokeRequest(tok="aws:index/getCallerIdentity:getCallerIdentity"),
        "GetSchema": provider_pb2.GetSchemaRequest(),
        "Cancel": empty_pb2.Empty(),
    }
    return {name: message.SerializeToString() for name, message in made.items()}


def await_that(condition: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < give_up, what
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Started with a caller's tokens in the environment."""
    project = tmp_path_factory.mktemp("project")
    private_key = project / "id_ed25519"
    private_key.write_text(f"PRIVATE KEY {PLANTED}")
    folder = project / ".runctl" / "sandbox"
    with pytest.MonkeyPatch.context() as environment:
        for name in SECRETS:
            environment.setenv(name, PLANTED)
        endpoints = daemon.ensure_started(folder, progress=lambda _: None)
    made = World(folder, endpoints, private_key, {})
    try:
        image = made.client("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"]
        for job in ("victim", "stranger"):
            _make_job(made, job)
        victim = _launch(made, "victim", image, "#!/bin/bash\nsleep 600 & disown\n")
        made.owned |= {
            "bucket": "victim-bucket",
            "key": "checkpoints/7/model",
            "own_bucket": "stranger-bucket",
            "instance": victim,
            "image": image,
            "parameter": "/runctl/victim/HF_TOKEN",
            "role": "arn:aws:iam::123456789012:role/victim",
        }
        await_that(lambda: any(each["id"] == victim for each in made.hosts()), "the victim has no host")
        yield made
    finally:
        daemon.stop(folder)


def _make_job(world: World, job: str) -> None:
    bucket = f"{job}-bucket"
    args = MachineAccess(
        account="123456789012",
        partition="aws",
        region="us-east-1",
        job=job,
        run="run-1",
        lineage="line",
        bucket=bucket,
        has_secrets=True,
    )
    iam, s3 = world.client("iam"), world.client("s3")
    iam.create_role(RoleName=job, AssumeRolePolicyDocument=json.dumps(trust_policy("aws")))
    iam.put_role_policy(RoleName=job, PolicyName=job, PolicyDocument=json.dumps(access_policy(args)))
    iam.create_instance_profile(InstanceProfileName=job)
    iam.add_role_to_instance_profile(InstanceProfileName=job, RoleName=job)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("checkpoints/7/model", OWN_CHECKPOINT):
        s3.put_object(Bucket=bucket, Key=key, Body=PLANTED.encode())
    world.client("ssm").put_parameter(Name=f"/runctl/{job}/HF_TOKEN", Value=PLANTED, Type="SecureString")


def _launch(world: World, job: str, image: str, user_data: str) -> str:
    made = world.client("ec2").run_instances(
        ImageId=image,
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        UserData=user_data,
        IamInstanceProfile={"Name": job},
    )
    return str(made["Instances"][0]["InstanceId"])


def assert_nothing_was_got(results: list[list[str]], ports: set[str], least: int = LEAST) -> None:
    counts = Counter(port for port, _, _ in results)
    got = [each for each in results if each[2]]
    assert got == []
    assert set(counts) >= ports
    assert all(counts[port] >= least for port in ports), counts
    print(json.dumps(counts))


def names(world: World) -> set[str]:
    return {"cloud", "provider", "runpod", *(f"metadata {each['imds_port']}" for each in world.hosts())}


def test_the_ports_that_are_tried_are_all_there_are(world: World) -> None:
    """Those on which processes of the sandbox listen, by the kernel's tables."""
    running = [process.pid for process in daemon.status(world.folder).processes]
    inodes = set()
    for pid in running:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes.add(str(link.readlink()).removeprefix("socket:[").rstrip("]"))
    listening = {
        int(fields[1].rpartition(":")[2], 16)
        for table in ("/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp")
        for fields in (line.split() for line in Path(table).read_text().splitlines()[1:])
        if fields[9] in inodes and fields[3] in ("0A", "07")
    }
    spec = world.spec(with_role=False)
    assert listening == {*spec["ports"].values(), *spec["metadata"]}


def test_what_the_strangers_try_works_for_who_may(world: World) -> None:
    """Else the attempts would prove nothing."""
    keys = load_keys(keys_file(world.cloud_folder))
    spec = world.spec(with_role=False)
    cloud, provider = spec["ports"]["cloud"], spec["ports"]["provider"]
    pair = (keys.access_key_id, keys.secret_access_key, None)
    harmless = {
        "list buckets",
        "read a job's object",
        "read a job's secret",
        "list instances",
        "take a job's role",
        "list roles",
    }
    for call in stranger.aws_calls(world.owned):
        if call[0] in harmless:
            assert stranger.send(cloud, stranger.signed(cloud, pair, call)), call[0]
    health = ("health", "GET", "/sandbox-api/health", {"Authorization": keys.bearer}, b"")
    assert stranger.send(cloud, health)
    key = {"Authorization": f"Bearer {keys.runpod_api_key}"}
    assert stranger.send(spec["ports"]["runpod"], ("pods", "GET", "/v2/pods", key, b""))
    for method in ("GetPluginInfo", "Handshake", "CheckConfig"):
        message = bytes.fromhex(spec["messages"][method])
        assert stranger.call_provider(provider, method, message, {"authorization": keys.bearer})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_gets_nothing(world: World) -> None:
    spec = world.spec(with_role=False)
    results, files = as_user(NOBODY, lambda: (stranger.attempts_on(spec), readable(world)))
    assert_nothing_was_got(results, names(world))
    assert files == []


def test_a_program_of_the_same_user_gets_nothing(world: World) -> None:
    """It could read the keys, but one that has not cannot use the ports: as a page, or a host in a
    namespace."""
    assert_nothing_was_got(stranger.attempts_on(world.spec(with_role=False)), names(world))


def test_a_page_in_a_browser_gets_nothing(world: World) -> None:
    spec = world.spec(with_role=False)
    results = []
    for name, port in {**spec["ports"], **{f"metadata {port}": port for port in spec["metadata"]}}.items():
        calls = stranger.metadata_calls()
        if name == "runpod":
            calls = stranger.runpod_calls()[::2]
        elif name == "cloud":
            calls = [*stranger.without_keys(world.owned)[-14:], *stranger.control_calls(world.owned)[::6]]
        results += [
            [name, each[0], stranger.send(port, each)] for each in stranger.browser_calls(port, calls)
        ]
    assert_nothing_was_got(results, names(world))


def test_a_host_gets_nothing_of_other_jobs(world: World) -> None:
    spec = world.spec(with_role=True)
    files = {
        "stranger.py": Path(stranger.__file__).read_bytes(),
        "sigv4.py": Path(sigv4.__file__).read_bytes(),
        "spec.json": json.dumps(spec).encode(),
    }
    packed = base64.b64encode(gzip.compress(json.dumps({k: v.decode() for k, v in files.items()}).encode()))
    script = f"""#!/bin/bash
cd "${{RUNCTL_ROOT:-}}/root"
python3 - <<'END'
import base64, gzip, json, pathlib
for name, text in json.loads(gzip.decompress(base64.b64decode("{packed.decode()}"))).items():
    pathlib.Path(name).write_text(text)
END
python3 stranger.py spec.json > result.part 2> errors
echo $? >> errors
cat /proc/*/environ > environments 2> /dev/null
mv result.part result
sleep 600 & disown
"""
    instance = _launch(world, "stranger", world.owned["image"], script)
    root = world.host_root(instance)
    await_that((root / "root" / "result").exists, "the stranger's host did not come to an end")
    assert (root / "root" / "errors").read_text().split() == ["0"]
    results = json.loads((root / "root" / "result").read_text())
    assert_nothing_was_got(results, {"cloud", "provider", *(f"metadata {port}" for port in spec["metadata"])})
    victim = next(each for each in world.hosts() if each["id"] == world.owned["instance"])
    seen = (root / "root" / "environments").read_bytes()
    keys = load_keys(keys_file(world.cloud_folder))
    for secret in (victim["imds_secret"], keys.secret_access_key, keys.control_token, PLANTED):
        assert secret.encode() not in seen


def test_what_a_run_deletes_and_overwrites_is_kept_as_a_version(world: World) -> None:
    role = "arn:aws:iam::123456789012:role/stranger"
    session = world.client("sts").assume_role(RoleArn=role, RoleSessionName="job")["Credentials"]
    job = boto3.client(
        "s3",
        endpoint_url=world.endpoints.cloud_url,
        region_name="us-east-1",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    place = {"Bucket": "stranger-bucket", "Key": OWN_CHECKPOINT}
    job.put_object(**place, Body=b"garbage")
    job.delete_object(**place)
    s3 = world.client("s3")
    listed = s3.list_object_versions(Bucket="stranger-bucket", Prefix=OWN_CHECKPOINT)
    kept = {each["VersionId"] for each in listed["Versions"]}
    assert (len(kept), len(listed["DeleteMarkers"])) == (2, 1)
    found = {s3.get_object(**place, VersionId=version)["Body"].read() for version in kept}
    assert found == {PLANTED.encode(), b"garbage"}
    for version in kept:
        for call in (job.get_object, job.delete_object):
            with pytest.raises(ClientError, match="AccessDenied"):
                call(**place, VersionId=version)


def test_the_callers_secrets_are_in_no_process_that_is_left_running(world: World) -> None:
    assert processes_holding(PLANTED) == []
    assert [process.alive for process in daemon.status(world.folder).processes] == [True] * 5


def test_the_keys_are_in_no_command_line_or_environment_of_the_sandbox(world: World) -> None:
    keys = load_keys(keys_file(world.cloud_folder))
    for process in daemon.status(world.folder).processes:
        for kind in ("environ", "cmdline"):
            content = Path(f"/proc/{process.pid}/{kind}").read_bytes()
            assert keys.secret_access_key.encode() not in content
            assert keys.control_token.encode() not in content


def readable(world: World) -> list[str]:
    """Files and environments of the sandbox that this user can read."""
    found = []
    for file in (
        "sandbox.json",
        "lock",
        f"clouds/{world.endpoints.cloud_id}/keys.json",
        f"clouds/{world.endpoints.cloud_id}/passphrase",
        "supervisor.log",
    ):
        with suppress(OSError):
            (world.folder / file).read_bytes()
            found.append(file)
    for pid in PIDS:
        with suppress(OSError):
            Path(f"/proc/{pid}/environ").read_bytes()
            found.append(f"environment of {pid}")
    return found


PIDS: list[int] = []


@pytest.fixture(autouse=True)
def _pids(world: World) -> None:
    PIDS[:] = [process.pid for process in daemon.status(world.folder).processes]


def as_user(uid: int, work: Callable[[], Any]) -> Any:
    """The result of `work`, done by a process of another user; through JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            with os.fdopen(writing, "w") as stream:
                json.dump(work(), stream)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(text)
