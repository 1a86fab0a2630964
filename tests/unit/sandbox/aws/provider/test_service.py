"""The protocol: what each call answers, and how failures are told to the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import create_autospec

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2

from sandbox.aws.provider.asset_content import NO_ASSETS
from sandbox.aws.provider.clients import ClientPool
from sandbox.aws.provider.cloud import Pace
from sandbox.aws.provider.service import VERSION, AwsProvider, Machinery
from sandbox.aws.provider.wire import UNKNOWN, Secret, decode, encode

URN = "urn:pulumi:s::p::runctl:aws:Job$"
VOLUME = f"{URN}aws:ebs/volume:Volume::data"
PARAMETER = f"{URN}aws:ssm/parameter:Parameter::token"
ENVIRONMENT = {"AWS_REGION": "us-west-2", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


class Refused(Exception):
    """A call's status."""

    def __init__(self, code: grpc.StatusCode, text: str, details: Any) -> None:
        super().__init__(text)
        self.code = code
        self.details = details


@dataclass
class Calls:
    """One connection to the service under test."""

    provider: AwsProvider
    peer: str = "ipv4:127.0.0.1:50000"
    alive: bool = True
    metadata: dict[str, Any] = field(default_factory=dict)

    def __call__(self, method: str, request: Any = None) -> Any:
        context = create_autospec(grpc.ServicerContext, instance=True)
        context.peer.return_value = self.peer
        context.add_callback.return_value = self.alive
        context.set_trailing_metadata.side_effect = self.metadata.update
        context.abort.side_effect = self._abort
        return getattr(self.provider, method)(request or empty_pb2.Empty(), context)

    def _abort(self, code: grpc.StatusCode, text: str) -> None:
        raise Refused(code, text, self.metadata.get("grpc-status-details-bin"))

    def configure(self, **settings: str) -> Any:
        settings.setdefault("skipRequestingAccountId", "true")
        return self("Configure", provider_pb2.ConfigureRequest(args=encode(settings)))

    def check(self, urn: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn, news=encode(news), olds=encode(olds or {}), randomSeed=b"seed"
        )
        return self("Check", request)


@pytest.fixture
def clients() -> Any:
    return create_autospec(ClientPool, instance=True)


@pytest.fixture
def provider(clock: Any, clients: Any) -> AwsProvider:
    return AwsProvider(Machinery(clients, clock, Pace(), ENVIRONMENT, NO_ASSETS))


@pytest.fixture
def calls(provider: AwsProvider) -> Calls:
    calls = Calls(provider)
    calls("Attach", plugin_pb2.PluginAttach(address="127.0.0.1:1"))
    return calls


@pytest.fixture
def configured(calls: Calls) -> Calls:
    calls.configure(defaultTags='{"tags":{"team":"nlp"}}', maxRetries="3")
    return calls


def test_the_version_is_the_sdks(calls: Calls) -> None:
    import importlib.metadata

    assert calls("GetPluginInfo").version == VERSION == importlib.metadata.version("pulumi_aws")


def test_secrets_are_accepted_and_references_are_not(calls: Calls) -> None:
    for answer in (calls("Handshake"),):
        assert answer.accept_secrets
        assert not answer.accept_resources
        assert not answer.accept_outputs
    answer = calls.configure()
    assert answer.acceptSecrets
    assert answer.supportsPreview
    assert not answer.acceptResources
    assert not answer.acceptOutputs


def test_check_config_completes_and_refuses_by_name(calls: Calls) -> None:
    news = {"profile": "me", "maxRetries": "3", "useFipsEndpoint": "false"}
    answer = calls("CheckConfig", provider_pb2.CheckRequest(news=encode(news)))
    assert [failure.property for failure in answer.failures] == ["profile"]
    assert decode(answer.inputs)["region"] == "us-west-2"


def test_check_config_lets_unknown_values_pass(calls: Calls) -> None:
    answer = calls("CheckConfig", provider_pb2.CheckRequest(news=encode({"allowedAccountIds": UNKNOWN})))
    assert not answer.failures


def test_diff_config_is_an_update(calls: Calls) -> None:
    request = provider_pb2.DiffRequest(
        old_inputs=encode({"region": "a", "version": "1"}), news=encode({"region": "b", "version": "2"})
    )
    answer = calls("DiffConfig", request)
    assert list(answer.diffs) == ["region"]
    assert not answer.replaces
    same = provider_pb2.DiffRequest(old_inputs=request.news, news=request.news)
    assert calls("DiffConfig", same).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_the_account_is_checked(calls: Calls, clients: Any) -> None:
    sts = clients.client.return_value
    sts.get_caller_identity.return_value = {"Account": "111111111111"}
    with pytest.raises(Refused, match="AWS account ID not allowed: 111111111111"):
        calls.configure(allowedAccountIds='["222222222222"]', skipRequestingAccountId="false")
    calls.configure(allowedAccountIds='["111111111111"]', skipRequestingAccountId="false")


def test_calls_before_configure_say_so(calls: Calls) -> None:
    with pytest.raises(Refused, match="not configured") as refused:
        calls.check(VOLUME, {})
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_two_provider_resources_on_one_connection_do_not_pass_unseen(configured: Calls) -> None:
    configured("Attach", plugin_pb2.PluginAttach())
    with pytest.raises(Refused, match="one connection"):
        configured.configure(defaultTags='{"tags":{"team":"vision"}}')
    assert "nlp" in str(configured.check(VOLUME, {"availabilityZone": "a", "size": 1}).inputs)


def test_connections_have_their_own_configuration_and_cancellation(provider: AwsProvider) -> None:
    one, other = Calls(provider, "ipv4:127.0.0.1:1"), Calls(provider, "ipv4:127.0.0.1:2")
    one.configure(defaultTags='{"tags":{"who":"one"}}')
    other.configure(defaultTags='{"tags":{"who":"other"}}')
    one("Cancel")
    with pytest.raises(Refused) as refused:
        one.check(VOLUME, {})
    assert refused.value.code is grpc.StatusCode.CANCELLED
    tags = decode(other.check(VOLUME, {"availabilityZone": "a", "size": 1}).inputs)["tagsAll"]
    assert tags == {"who": "other"}
    one.configure()
    one.check(VOLUME, {})


def test_work_ends_when_the_engine_is_gone(configured: Calls) -> None:
    configured.alive = False
    with pytest.raises(Refused) as refused:
        configured.check(VOLUME, {})
    assert refused.value.code is grpc.StatusCode.CANCELLED


def test_check_adds_the_providers_tags_and_keeps_secrets(configured: Calls) -> None:
    answer = configured.check(
        PARAMETER, {"name": "/a", "type": "SecureString", "value": Secret("hush"), "tags": {"team": "own"}}
    )
    inputs = decode(answer.inputs)
    assert inputs["value"] == Secret("hush")
    assert inputs["tagsAll"] == {"team": "own"}
    assert not answer.failures


def test_check_lets_unknown_values_pass(configured: Calls) -> None:
    answer = configured.check(VOLUME, {"availabilityZone": UNKNOWN, "size": UNKNOWN, "tags": {"a": UNKNOWN}})
    assert not answer.failures
    assert decode(answer.inputs)["tagsAll"] == {"a": UNKNOWN, "team": "nlp"}


def test_unknown_types_and_functions_are_refused_by_name(configured: Calls) -> None:
    with pytest.raises(Refused, match="no resource type aws:sqs/queue:Queue"):
        configured.check(f"{URN}aws:sqs/queue:Queue::q", {})
    with pytest.raises(Refused, match="no function aws:ec2/getEips:getEips"):
        configured("Invoke", provider_pb2.InvokeRequest(tok="aws:ec2/getEips:getEips"))
    request = provider_pb2.InvokeRequest(tok="aws:ec2/getAmi:getAmi", args=encode({"executable": "x"}))
    with pytest.raises(Refused, match="not supported by the sandbox's aws provider: executable"):
        configured("Invoke", request)


@pytest.mark.parametrize(
    ("method", "request_type", "reason"),
    [
        ("GetSchema", provider_pb2.GetSchemaRequest, "no schema"),
        ("Call", lambda: provider_pb2.CallRequest(tok="aws:a:B/c"), "no method aws:a:B/c"),
        ("Construct", lambda: provider_pb2.ConstructRequest(type="aws:a:B"), "no component aws:a:B"),
        ("Parameterize", provider_pb2.ParameterizeRequest, "cannot be parameterised"),
        ("List", provider_pb2.ListRequest, "does not list"),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    configured: Calls, method: str, request_type: Any, reason: str
) -> None:
    request = request_type()
    with pytest.raises(Refused, match=reason) as refused:
        configured(method, request)
    assert refused.value.code is grpc.StatusCode.UNIMPLEMENTED


def test_diff_names_paths_and_what_they_ask_for(configured: Calls) -> None:
    kinds = provider_pb2.PropertyDiff.Kind
    olds = {"availabilityZone": "a", "size": 1, "region": "us-west-2", "tags": {"x": "1", "y": "1"}}
    news = {"availabilityZone": "b", "size": 2, "tags": {"x": "2", "a.b": "1"}}
    answer = configured("Diff", provider_pb2.DiffRequest(urn=VOLUME, olds=encode(olds), news=encode(news)))
    assert list(answer.replaces) == ["availabilityZone"]
    assert list(answer.diffs) == ["availabilityZone", "size", "tags"]
    assert {path: detail.kind for path, detail in answer.detailedDiff.items()} == {
        "availabilityZone": kinds.UPDATE_REPLACE,
        "size": kinds.UPDATE,
        "tags.x": kinds.UPDATE,
        "tags.y": kinds.DELETE,
        'tags["a.b"]': kinds.ADD,
    }
    assert answer.hasDetailedDiff
    assert not answer.deleteBeforeReplace


def test_what_is_to_be_ignored_is_no_difference(configured: Calls) -> None:
    olds = {"availabilityZone": "a", "size": 1, "tags": {"x": "1"}}
    news = {"availabilityZone": "a", "size": 2, "tags": {"x": "2"}}
    request = provider_pb2.DiffRequest(
        urn=VOLUME, olds=encode(olds), news=encode(news), ignoreChanges=["size", "tags.x"]
    )
    assert configured("Diff", request).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_kept_name_is_freed_before_it_is_taken_again(configured: Calls) -> None:
    urn = f"{URN}aws:iam/role:Role::r"
    olds = {"name": "fixed", "path": "/", "maxSessionDuration": 3600}
    for given, first in (({}, True), ({"__defaults": ["name"]}, False)):
        news = {**olds, "path": "/other/", **given}
        answer = configured("Diff", provider_pb2.DiffRequest(urn=urn, olds=encode(olds), news=encode(news)))
        assert list(answer.replaces) == ["path"]
        assert answer.deleteBeforeReplace is first


def test_a_preview_knows_what_is_stated_and_nothing_else(configured: Calls, clients: Any) -> None:
    inputs = {"availabilityZone": "a", "size": 1, "tagsAll": {"a": Secret("b")}}
    request = provider_pb2.CreateRequest(urn=VOLUME, properties=encode(inputs), preview=True)
    answer = configured("Create", request)
    outputs = decode(answer.properties)
    assert answer.id == ""
    assert outputs["size"] == 1
    assert outputs["arn"] is UNKNOWN
    assert outputs["type"] is UNKNOWN
    assert outputs["tagsAll"] == {"a": Secret("b")}
    clients.client.assert_not_called()


def test_a_preview_of_an_update_keeps_what_will_stay(configured: Calls) -> None:
    olds = {
        "name": "/a",
        "type": "String",
        "value": Secret("1"),
        "arn": "arn:a",
        "version": 1,
        "tier": "Standard",
    }
    news = {"name": "/a", "type": "String", "value": Secret("2")}
    request = provider_pb2.UpdateRequest(
        id="/a", urn=PARAMETER, olds=encode(olds), news=encode(news), preview=True
    )
    outputs = decode(configured("Update", request).properties)
    assert outputs["arn"] == "arn:a"
    assert outputs["tier"] == "Standard"
    assert outputs["version"] is UNKNOWN
    assert outputs["value"] == Secret("2")


def test_what_failed_after_creation_is_recorded_with_the_id(configured: Calls, clients: Any) -> None:
    ec2 = clients.client.return_value
    ec2.create_volume.return_value = {"VolumeId": "vol-1"}
    ec2.describe_volumes.return_value = {"Volumes": []}
    inputs = {"availabilityZone": "a", "size": 1, "tags": {"secret": Secret("hush")}}
    request = provider_pb2.CreateRequest(urn=VOLUME, properties=encode(inputs), timeout=2)
    with pytest.raises(Refused, match=r"waiting for EBS Volume \(vol-1\) create: timeout") as refused:
        configured("Create", request)
    status = status_pb2.Status.FromString(refused.value.details)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == "vol-1"
    assert len(detail.reasons) == 1
    assert decode(detail.properties)["size"] == 1
    assert decode(detail.properties)["tags"] == Secret({"secret": "hush"})


def test_what_prevented_creation_leaves_nothing_to_record(configured: Calls, clients: Any) -> None:
    from botocore.exceptions import ClientError

    error = {"Error": {"Code": "VolumeLimitExceeded", "Message": "too many"}}
    ec2 = clients.client.return_value
    ec2.meta.service_model.operation_model.return_value.error_shapes = []
    ec2.create_volume.side_effect = ClientError(error, "CreateVolume")  # type: ignore[arg-type]
    request = provider_pb2.CreateRequest(urn=VOLUME, properties=encode({"availabilityZone": "a", "size": 1}))
    with pytest.raises(Refused, match="api error VolumeLimitExceeded: too many") as refused:
        configured("Create", request)
    assert refused.value.details is None
    assert refused.value.code is grpc.StatusCode.UNKNOWN


def test_a_failed_update_tells_what_is_now(configured: Calls, clients: Any) -> None:
    from botocore.exceptions import ClientError

    ec2 = clients.client.return_value
    ec2.meta.service_model.operation_model.return_value.error_shapes = []
    error = {"Error": {"Code": "InvalidParameterValue", "Message": "smaller"}}
    ec2.modify_volume.side_effect = ClientError(error, "ModifyVolume")  # type: ignore[arg-type]
    ec2.describe_volumes.return_value = {"Volumes": []}
    olds = {"availabilityZone": "a", "size": 9, "type": "gp3"}
    request = provider_pb2.UpdateRequest(
        id="vol-1", urn=VOLUME, olds=encode(olds), news=encode({**olds, "size": 8})
    )
    with pytest.raises(Refused, match="api error InvalidParameterValue: smaller") as refused:
        configured("Update", request)
    status = status_pb2.Status.FromString(refused.value.details)
    detail = provider_pb2.ErrorResourceInitFailed()
    status.details[0].Unpack(detail)
    assert decode(detail.properties)["size"] == 9


def test_what_is_gone_is_read_as_nothing(configured: Calls, clients: Any) -> None:
    clients.client.return_value.describe_volumes.return_value = {"Volumes": []}
    answer = configured("Read", provider_pb2.ReadRequest(id="vol-1", urn=VOLUME))
    assert answer.id == ""


def test_errors_of_our_own_are_told_as_such(configured: Calls, clients: Any) -> None:
    clients.client.side_effect = KeyError("a slip")
    with pytest.raises(Refused, match="the sandbox's aws provider failed: KeyError") as refused:
        configured("Read", provider_pb2.ReadRequest(id="vol-1", urn=VOLUME))
    assert refused.value.code is grpc.StatusCode.INTERNAL


def test_a_resource_in_another_region_is_managed_there(configured: Calls, clients: Any) -> None:
    clients.client.return_value.describe_volumes.return_value = {"Volumes": []}
    state = encode({"region": "eu-west-1"})
    configured("Read", provider_pb2.ReadRequest(id="vol-1", urn=VOLUME, properties=state))
    assert clients.client.call_args.args[0].region == "eu-west-1"
