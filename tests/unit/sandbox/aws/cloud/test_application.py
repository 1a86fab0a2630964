"""The application with a scripted moto: locks, bodies, faults, control calls, changes."""

import io
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.aws.cloud.application import CloudApplication, CloudLocks
from sandbox.aws.cloud.changes import Changes
from sandbox.aws.cloud.control import Control
from sandbox.aws.cloud.disconnected import Disconnected
from sandbox.aws.cloud.experiment_machines import ExperimentMachines
from sandbox.aws.cloud.fault_injection import FaultInjection
from sandbox.aws.cloud.faults import Faults
from sandbox.aws.cloud.lifecycle import Cause, Lifecycle, Timing
from sandbox.aws.cloud.operations import AwsCall
from sandbox.aws.cloud.points import Points
from sandbox.aws.cloud.quotas import Quotas
from sandbox.aws.cloud.session_manager.service import SessionManager
from sandbox.aws.corrections.eventual_consistency import Consistency


@dataclass
class Machine:
    id: str = "i-1"
    is_spot: bool = True
    stops_on_shutdown: bool = False
    states: list[str] = field(default_factory=list)

    def enter(self, state: str, cause: Cause) -> None:
        self.states.append(state)

    def noticed(self) -> None: ...

    def forget(self) -> None: ...


class ScriptedMoto:
    """Answers every call; keeps the bodies, and whether a lock was held."""

    def __init__(self, locks: CloudLocks) -> None:
        self._locks = locks
        self.bodies: list[bytes] = []
        self.locked: list[tuple[bool, bool]] = []
        self.failure: Exception | None = None
        self.launches: Callable[[], None] = lambda: None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if self.failure is not None:
            raise self.failure
        self.bodies.append(environ["wsgi.input"].read())
        self.launches()
        self.locked.append((_held(self._locks.plane), _held(self._locks.storage)))
        start_response("200 OK", [])
        return iter([b"answer"])


def _held(lock: Any) -> bool:
    """Whether another thread could not take the lock now."""
    free: list[bool] = []

    def attempt() -> None:
        free.append(lock.acquire(blocking=False))
        if free[0]:
            lock.release()

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return not free[0]


class Cloud:
    def __init__(self) -> None:
        self.now = 1000.0
        self.locks = CloudLocks()
        self.changes = Changes()
        self.faults = Faults()
        self.points = Points()
        self.consistency = Consistency()
        self.disconnected = Disconnected({"key-of-machine": "i-1"}.get, silent_seconds=0)
        self.quotas = Quotas()
        self.machine = Machine()
        self.lifecycle = Lifecycle(lambda: self.now, self.changes.bump, Timing())
        self.moto = ScriptedMoto(self.locks)
        control = Control(
            "cloud-1",
            self.locks.plane,
            self.locks.storage,
            self.lifecycle,
            self.changes,
            self.faults,
            self.points,
            self.consistency,
            self.disconnected,
            self.quotas,
            lambda: {"instances": [life.state for life in self.lifecycle.lives()], "volumes": []},
        )
        self.application = CloudApplication(
            moto=self.moto,
            control=control,
            faults=self.faults,
            experiments=FaultInjection(ExperimentMachines(self.lifecycle), lambda: self.now),
            points=self.points,
            changes=self.changes,
            locks=self.locks,
            disconnected=self.disconnected,
            quotas=self.quotas,
            session_manager=SessionManager(
                clock=lambda: self.now,
                instance_of=lambda environ: None,
                is_running=lambda instance: True,
                is_cut_off=lambda instance: False,
            ),
            located=self._located,
            launches_fail=self.lifecycle.launches_fail,
        )

    def _located(self, call: AwsCall) -> AwsCall:
        return replace(call, parameters={**call.parameters, "AvailabilityZone": "us-east-1a"})

    def call(
        self, method: str, path: str, body: bytes = b"", query: str = "", **environ: Any
    ) -> tuple[str, bytes]:
        status: list[str] = []
        asked = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        answer = b"".join(self.application(asked, lambda code, headers: status.append(code)))
        return status[0], answer

    def control(self, method: str, path: str, content: Any = None, query: str = "") -> tuple[int, Any]:
        body = b"" if content is None else json.dumps(content).encode()
        status, answer = self.call(method, f"/sandbox-api/{path}", body, query)
        return int(status.split()[0]), json.loads(answer)

    def ec2(self, action: str) -> tuple[str, bytes]:
        return self.aws("ec2", "POST", "/", urlencode({"Action": action}).encode())

    def aws(
        self, service: str, method: str, path: str, body: bytes = b"", *, target: str = ""
    ) -> tuple[str, bytes]:
        scope = f"AWS4-HMAC-SHA256 Credential=k/20261122/us-east-1/{service}/aws4_request"
        return self.call(method, path, body, HTTP_AUTHORIZATION=scope, HTTP_X_AMZ_TARGET=target)

    def launch(self) -> None:
        self.lifecycle.launched(self.machine)
        self.advance(1)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.lifecycle.advance()


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_calls_reach_moto_with_their_body_and_their_lock(cloud: Cloud) -> None:
    big = b"x" * (9 * 1024 * 1024)
    assert cloud.aws("s3", "PUT", "/b/k", big) == ("200 OK", b"answer")
    cloud.ec2("DescribeInstances")
    assert cloud.moto.bodies == [big, b"Action=DescribeInstances"]
    assert cloud.moto.locked == [(False, True), (True, False)]


def test_quotas_are_told_and_set(cloud: Cloud) -> None:
    def value() -> float:
        asked = json.dumps({"ServiceCode": "ec2", "QuotaCode": "L-34B43A08"}).encode()
        status, answer = cloud.aws(
            "servicequotas", "POST", "/", asked, target="ServiceQuotasV20190624.GetServiceQuota"
        )
        assert status == "200 OK"
        return float(json.loads(answer)["Quota"]["Value"])

    assert value() > 0
    assert cloud.control("POST", "quotas", {"L-34B43A08": 0})[0] == 200
    assert value() == 0
    for wrong in ({"L-34B43A08": "none"}, {"L-34B43A08": -1}, {"L-0": 1}):
        assert cloud.control("POST", "quotas", wrong)[0] == 400
    assert value() == 0


def test_a_body_without_length_is_read_to_its_end(cloud: Cloud) -> None:
    chunked: dict[str, Any] = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    cloud.call("PUT", "/b/k", b"chunks", **chunked)
    assert cloud.moto.bodies == [b"chunks"]


def test_only_changing_ec2_calls_raise_the_version(cloud: Cloud) -> None:
    before = cloud.changes.version
    cloud.ec2("DescribeVolumes")
    cloud.aws("s3", "PUT", "/b/k", b"x")
    assert cloud.changes.version == before
    cloud.ec2("AttachVolume")
    assert cloud.changes.version == before + 1


def test_a_fault_answers_instead_of_moto(cloud: Cloud) -> None:
    fault = {"service": "ec2", "operation": "RunInstances", "code": "InsufficientInstanceCapacity"}
    assert cloud.control("POST", "faults", fault)[0] == 200
    status, body = cloud.ec2("RunInstances")
    assert status.startswith("500")
    assert b"<Code>InsufficientInstanceCapacity</Code>" in body
    assert cloud.moto.bodies == []
    assert cloud.ec2("RunInstances")[0] == "200 OK"


@pytest.mark.parametrize(("zone", "hit"), [("us-east-1a", True), ("us-east-1b", False)])
def test_a_fault_can_concern_one_zone(cloud: Cloud, zone: str, hit: bool) -> None:
    fault = {"service": "ec2", "operation": "RunInstances", "code": "InsufficientInstanceCapacity"}
    cloud.control("POST", "faults", {**fault, "match": {"AvailabilityZone": zone}})
    assert cloud.ec2("RunInstances")[0].startswith("500") is hit


def test_a_fault_with_a_state_reason_ends_the_launched_instance(cloud: Cloud) -> None:
    """RunInstances succeeds, as on EC2; the next launch is not concerned."""
    fault = {"service": "ec2", "operation": "RunInstances", "code": "Server.InsufficientInstanceCapacity"}
    cloud.control("POST", "faults", fault)
    cloud.moto.launches = lambda: cloud.lifecycle.launched(cloud.machine)
    assert cloud.ec2("RunInstances")[0] == "200 OK"
    cloud.advance(1)
    cloud.advance(2)
    assert cloud.machine.states == ["pending", "shutting-down", "terminated"]
    cloud.machine = Machine("i-2")
    assert cloud.ec2("RunInstances")[0] == "200 OK"
    cloud.advance(1)
    assert cloud.machine.states == ["pending", "running"]


def test_a_fault_of_a_head_call_has_no_body(cloud: Cloud) -> None:
    cloud.control("POST", "faults", {"service": "s3", "operation": "HeadObject", "code": "AccessDenied"})
    assert cloud.aws("s3", "HEAD", "/b/k") == ("403 AccessDenied", b"")


def test_faults_are_listed_and_cleared(cloud: Cloud) -> None:
    cloud.control(
        "POST", "faults", {"service": "s3", "operation": "PutObject", "code": "SlowDown", "times": 3}
    )
    [listed] = cloud.control("GET", "faults")[1]["faults"]
    assert listed["times"] == 3
    assert cloud.control("DELETE", "faults") == (200, {"faults": []})


def test_a_service_that_is_not_emulated_is_refused_by_name(cloud: Cloud) -> None:
    status, body = cloud.aws("sqs", "POST", "/", b"")
    assert status.startswith("400")
    assert b"no service 'sqs'" in body
    assert cloud.moto.bodies == []


def test_an_operation_that_moto_lacks_is_refused_by_name(cloud: Cloud) -> None:
    cloud.moto.failure = NotImplementedError("not there")
    status, body = cloud.ec2("CreateFpgaImage")
    assert status.startswith("400")
    assert b"ec2:CreateFpgaImage" in body


def test_a_failure_of_moto_is_an_internal_failure_and_frees_the_lock(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.moto.failure = ZeroDivisionError("moto broke")
    status, body = cloud.ec2("DescribeInstances")
    assert status.startswith("500")
    assert b"<Code>InternalFailure</Code>" in body
    assert "moto broke" in capsys.readouterr().err
    assert not _held(cloud.locks.plane)


def test_health_names_the_cloud(cloud: Cloud) -> None:
    assert cloud.control("GET", "health") == (200, {"cloud": "cloud-1"})


def test_a_poll_that_knows_the_version_waits_for_the_next(cloud: Cloud) -> None:
    version = cloud.control("GET", "instances")[1]["version"]
    answers: list[Any] = []
    query = f"since={version}&timeout=30"
    poll = threading.Thread(target=lambda: answers.append(cloud.control("GET", "instances", query=query)))
    poll.start()
    cloud.launch()
    poll.join(10)
    assert answers
    assert answers[0][1]["version"] > version


def test_a_poll_gives_up_after_its_time_and_tells_what_is(cloud: Cloud) -> None:
    version = cloud.changes.version
    status, answer = cloud.control("GET", "instances", query=f"since={version}&timeout=0")
    assert (status, answer) == (200, {"version": version, "instances": [], "volumes": []})


def test_a_poll_for_a_version_of_another_cloud_returns_at_once(cloud: Cloud) -> None:
    assert cloud.control("GET", "instances", query="since=99999&timeout=60")[0] == 200


def test_a_poll_tells_that_hosts_are_there(cloud: Cloud) -> None:
    cloud.launch()
    cloud.control("GET", "instances")
    cloud.lifecycle.terminate("i-1")
    cloud.now += 5
    cloud.lifecycle.advance()
    assert cloud.machine.states[-1] == "shutting-down"
    assert cloud.control("POST", "instances/i-1/ended", {"boot": 1}) == (200, {"taken": True})
    cloud.lifecycle.advance()
    assert cloud.machine.states[-1] == "terminated"


def test_an_interruption_tells_when(cloud: Cloud) -> None:
    cloud.launch()
    answer = cloud.control("POST", "instances/i-1/interrupt", {"notice_seconds": 30})
    assert answer == (200, {"action": "terminate", "time": cloud.now + 30})


def test_a_rebalance_recommendation_ends_nothing(cloud: Cloud) -> None:
    cloud.launch()
    assert cloud.control("POST", "instances/i-1/rebalance", {}) == (200, {"time": cloud.now})
    cloud.now += 3600
    cloud.lifecycle.advance()
    assert cloud.machine.states[-1] == "running"


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "health", {}, 404),
        ("POST", "instances/i-1/ended", {}, 400),
        ("POST", "instances/i-1/interrupt", {"notice_seconds": -1}, 400),
        ("POST", "instances/i-2/interrupt", {}, 404),
        ("POST", "instances/i-2/rebalance", {}, 404),
        ("POST", "instances/i-1/power", {"power": "half"}, 400),
        ("POST", "instances/i-2/power", {"power": "cut"}, 404),
        ("POST", "faults", {"service": "ec2"}, 400),
        ("PUT", "faults", {}, 405),
        ("POST", "consistency", {}, 400),
        ("POST", "consistency", [1], 400),
    ],
)
def test_a_wrong_control_call_is_told_why(
    cloud: Cloud, method: str, path: str, content: Any, status: int
) -> None:
    answer = cloud.control(method, path, content)
    assert answer[0] == status
    assert answer[1]["error"]


def test_only_running_spot_instances_are_interrupted(cloud: Cloud) -> None:
    cloud.launch()
    cloud.machine.is_spot = False
    calls = ("instances/i-1/interrupt", "instances/i-1/rebalance")
    assert [cloud.control("POST", call, {})[0] for call in calls] == [409, 409]
    cloud.machine.is_spot = True
    cloud.lifecycle.terminate("i-1")
    assert [cloud.control("POST", call, {})[0] for call in calls] == [409, 409]


def test_a_running_machine_may_hang_go_on_and_lose_its_power(cloud: Cloud) -> None:
    cloud.launch()
    cloud.now += 5
    cloud.lifecycle.advance()
    for power in ("frozen", "on", "cut"):
        assert cloud.control("POST", "instances/i-1/power", {"power": power}) == (200, {"power": power})
        (life,) = cloud.lifecycle.lives()
        assert life.power == power
    cloud.lifecycle.terminate("i-1")
    assert cloud.control("POST", "instances/i-1/power", {"power": "on"})[0] == 409


def test_what_a_machine_without_a_network_sends_never_arrives(cloud: Cloud) -> None:
    cloud.launch()
    scope = "AWS4-HMAC-SHA256 Credential=key-of-machine/20261122/us-east-1/s3/aws4_request"
    assert cloud.control("POST", "instances/i-1/network", {"connected": False}) == (200, {"connected": False})
    with pytest.raises(ConnectionAbortedError):
        cloud.call("PUT", "/bucket/key", b"x", HTTP_AUTHORIZATION=scope)
    assert cloud.moto.bodies == []
    assert cloud.ec2("DescribeInstances")[0].startswith("200"), "others reach the cloud as before"
    cloud.control("POST", "instances/i-1/network", {"connected": True})
    assert cloud.call("PUT", "/bucket/key", b"x", HTTP_AUTHORIZATION=scope)[0].startswith("200")


@pytest.mark.parametrize(
    ("instance", "content", "status"), [("i-9", {"connected": True}, 404), ("i-1", {"connected": "no"}, 400)]
)
def test_only_a_machine_that_exists_loses_its_network(
    cloud: Cloud, instance: str, content: Any, status: int
) -> None:
    cloud.launch()
    assert cloud.control("POST", f"instances/{instance}/network", content)[0] == status


def test_consistency_is_switched(cloud: Cloud) -> None:
    assert cloud.control("POST", "consistency", {"delay_seconds": 2}) == (200, {"delay_seconds": 2.0})
    assert cloud.consistency.delay_seconds == 2


def test_a_body_that_is_not_json_is_refused(cloud: Cloud) -> None:
    assert cloud.call("POST", "/sandbox-api/faults", b"{")[0].startswith("400")


@pytest.mark.parametrize(("when", "reached"), [("before", []), ("after", [b"Action=CreateVolume"])])
def test_a_call_is_held_before_or_after_it_is_carried_out(
    cloud: Cloud, when: str, reached: list[bytes]
) -> None:
    assert cloud.control("POST", "points", {"hold": 1, "when": when})[0] == 200
    answers: list[tuple[str, bytes]] = []
    thread = threading.Thread(target=lambda: answers.append(cloud.ec2("CreateVolume")), daemon=True)
    thread.start()
    held = cloud.control("GET", "points", query="timeout=10")[1]["held"]
    assert held == {"number": 1, "when": when, "call": "ec2:CreateVolume"}
    assert cloud.moto.bodies == reached
    assert cloud.control("POST", "points/release", {"drop": True})[0] == 200
    thread.join(10)
    assert cloud.moto.bodies == reached, "dropped: it is not carried out later"
    assert answers[0][0].startswith("200" if reached else "400")
    assert cloud.control("POST", "points/release", {})[0] == 409
    assert cloud.control("POST", "points", {"hold": -1})[0] == 400
    assert cloud.control("DELETE", "points")[1] == {"seen": [], "callers": [], "held": None}


@pytest.mark.parametrize(
    ("method", "path", "query", "answer"),
    [
        ("PUT", "/job", "encryption", "409 OperationAborted"),
        ("PUT", "/job", "publicAccessBlock", "409 OperationAborted"),
        ("DELETE", "/job", "lifecycle", "409 OperationAborted"),
        ("DELETE", "/job", "", "409 OperationAborted"),
        ("GET", "/job", "encryption", "200 OK"),
        ("PUT", "/job/key", "", "200 OK"),
        ("POST", "/job", "delete", "200 OK"),
        ("PUT", "/other", "encryption", "200 OK"),
    ],
)
def test_a_second_change_of_a_bucket_meanwhile_is_refused(
    cloud: Cloud, method: str, path: str, query: str, answer: str
) -> None:
    cloud.control("POST", "points", {"hold": 1, "when": "before"})
    first: list[tuple[str, bytes]] = []
    change = threading.Thread(
        target=lambda: first.append(cloud.call("PUT", "/job", query="policy")), daemon=True
    )
    change.start()
    assert cloud.control("GET", "points", query="timeout=10")[1]["held"]["call"] == "s3:PutBucketPolicy"
    assert cloud.call(method, path, query=query)[0] == answer
    cloud.control("POST", "points/release", {})
    change.join(10)
    assert first[0][0] == "200 OK"
    assert cloud.call("PUT", "/job", query="encryption")[0] == "200 OK", "the bucket is free again"


def test_an_experiment_that_does_not_exist_is_refused_without_asking_moto(cloud: Cloud) -> None:
    status, body = cloud.aws("fis", "GET", "/experiments/EXP1")
    assert status.startswith("404")
    assert json.loads(body)["__type"] == "ResourceNotFoundException"
    assert cloud.moto.bodies == []
