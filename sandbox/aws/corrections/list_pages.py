"""moto returns most lists whole, or truncated without a token; AWS paginates.

It also lists public snapshots as the account's own, buckets without their region, and every incomplete upload
with a start date in 2010.
"""

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.responses.security_groups import SecurityGroups
from moto.ec2.responses.spot_instances import SpotInstances
from moto.iam.responses import IamResponse
from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response
from moto.ssm.responses import SimpleSystemManagerResponse

from sandbox.aws.corrections.patches import Emulation, Patches

_EC2: tuple[tuple[Any, str, str], ...] = (
    (ElasticBlockStore, "describe_snapshots", "Snapshots"),
    (ElasticNetworkInterfaces, "describe_network_interfaces", "NetworkInterfaces"),
    (LaunchTemplates, "describe_launch_templates", "LaunchTemplates"),
    (SecurityGroups, "describe_security_groups", "SecurityGroups"),
    (SpotInstances, "describe_spot_instance_requests", "SpotInstanceRequests"),
)
_IAM = (
    ("list_instance_profiles", "InstanceProfiles"),
    ("get_account_authorization_details", "RoleDetailList"),
)
_MOST_EC2 = 1000
_MOST_TEMPLATES = 200
_FEWEST_IAM = 100
_MOST_BUCKETS = 10_000
_MOST_UPLOADS = 1000
_FEWEST_PARAMETERS = 10
_MOST_PARAMETERS = 50


def apply(patches: Patches, emulation: Emulation) -> None:
    patches.wrap(ElasticBlockStore, "describe_snapshots", _own_snapshots)
    patches.wrap(LaunchTemplates, "describe_launch_templates", _uncut_templates)
    for owner, method, key in _EC2:
        most = _MOST_TEMPLATES if key == "LaunchTemplates" else _MOST_EC2
        patches.wrap(owner, method, _in_pages(key, most))
    for method, key in _IAM:
        patches.wrap(IamResponse, method, _in_iam_pages(key))
    patches.wrap(S3Response, "all_buckets", _buckets_in_pages)
    patches.wrap(FakeMultipart, "__init__", _begun_at(emulation.clock))
    patches.wrap(S3Response, "list_multipart_uploads", _uploads_in_pages)
    patches.wrap(SimpleSystemManagerResponse, "describe_parameters", _parameters_in_pages)


def _in_pages(key: str, most: int) -> Callable[[Any], Any]:
    def make(describe: Any) -> Any:
        def paged(response: Any) -> Any:
            answer = describe(response)
            things = list(answer.result[key])
            start = int(response._get_param("NextToken") or 0)
            size = min(response._get_int_param("MaxResults") or most, most)
            token = str(start + size) if start + size < len(things) else None
            return ActionResult({**answer.result, key: things[start : start + size], "NextToken": token})

        return paged

    return make


def _in_iam_pages(key: str) -> Callable[[Any], Any]:
    def make(listed: Any) -> Any:
        def paged(response: Any) -> Any:
            answer = listed(response)
            things = list(answer.result[key])
            start = int(response._get_param("Marker") or 0)
            size = int(response._get_param("MaxItems") or _FEWEST_IAM)
            is_more = start + size < len(things)
            page = {key: things[start : start + size], "IsTruncated": is_more}
            marker = {"Marker": str(start + size)} if is_more else {}
            return ActionResult({**answer.result, **page, **marker})

        return paged

    return make


def _own_snapshots(describe: Any) -> Any:
    def owned(response: Any) -> Any:
        answer = describe(response)
        owners = response._get_param("OwnerIds", [])
        if owners:
            wanted = {response.current_account if each == "self" else each for each in owners}
            snapshots = [each for each in answer.result["Snapshots"] if each.owner_id in wanted]
            return ActionResult({**answer.result, "Snapshots": snapshots})
        return answer

    return owned


def _uncut_templates(describe: Any) -> Any:
    def uncut(response: Any) -> Any:
        given = response._get_int_param
        response._get_int_param = lambda name, default=None: (
            None if name == "MaxResults" else given(name, default)
        )
        try:
            return describe(response)
        finally:
            del response._get_int_param

    return uncut


def _buckets_in_pages(all_buckets: Any) -> Any:  # noqa: ARG001
    def paged(response: Any) -> Any:
        response.data["Action"] = "ListAllMyBuckets"
        response._authenticate_and_authorize_s3_action()
        region = response._get_param("bucket-region")
        found = sorted(
            response.backend.list_buckets(
                prefix=response._get_param("prefix"), bucket_region=region, max_buckets=None
            ),
            key=lambda each: each.name,
        )
        after = response._get_param("continuation-token") or ""
        size = int(response._get_param("max-buckets") or _MOST_BUCKETS)
        rest = [each for each in found if each.name > after]
        page = rest[:size]
        token = {"ContinuationToken": page[-1].name} if len(rest) > size else {}
        response.data["Action"] = "ListBuckets"
        buckets = [
            {
                "Name": each.name,
                "CreationDate": each.creation_date_ISO8601,
                "BucketRegion": each.region_name,
            }
            for each in page
        ]
        owner = {"ID": "bcaf1ffd86f41161ca5fb16fd081034f", "DisplayName": "webfile"}
        return response.serialized(ActionResult({"Owner": owner, "Buckets": buckets, **token}))

    return paged


def _begun_at(clock: Callable[[], float]) -> Callable[[Any], Any]:
    def make(initialise: Any) -> Any:
        def begun(self: Any, *args: Any, **kwargs: Any) -> None:
            initialise(self, *args, **kwargs)
            self.begun_at = clock()

        return begun

    return make


def _uploads_in_pages(listed: Any) -> Any:  # noqa: ARG001
    def paged(response: Any) -> Any:
        asked = {name: values[0] for name, values in response.querystring.items() if values}
        found = sorted(
            response.backend.list_multipart_uploads(response.bucket_name).values(),
            key=lambda each: (each.key_name, each.id),
        )
        after = (asked.get("key-marker", ""), asked.get("upload-id-marker", ""))
        begin = asked.get("prefix", "")
        rest = [
            each for each in found if each.key_name.startswith(begin) and (each.key_name, each.id) > after
        ]
        size = int(asked.get("max-uploads") or _MOST_UPLOADS)
        page, is_more = rest[:size], len(rest) > size
        following = {"NextKeyMarker": page[-1].key_name, "NextUploadIdMarker": page[-1].id} if is_more else {}
        owner = {"ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"}
        uploads = [
            {
                "Key": each.key_name,
                "UploadId": each.id,
                "Owner": owner,
                "StorageClass": "STANDARD",
                "Initiated": _written(each.begun_at),
            }
            for each in page
        ]
        response.data["Action"] = "ListMultipartUploads"
        result = {
            "Bucket": response.bucket_name,
            "MaxUploads": size,
            "IsTruncated": is_more,
            "Uploads": uploads,
            **following,
        }
        return response.serialized(ActionResult(result))

    return paged


def _written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _parameters_in_pages(describe: Any) -> Any:  # noqa: ARG001
    def paged(response: Any) -> Any:
        found = response.ssm_backend.describe_parameters(
            response._get_param("Filters"), response._get_param("ParameterFilters")
        )
        start = int((response._get_param("NextToken") or "0").strip() or 0)
        size = min(int(response._get_param("MaxResults") or _FEWEST_PARAMETERS), _MOST_PARAMETERS)
        page = [each.describe_response_object(False) for each in found[start : start + size]]
        token = {"NextToken": str(start + size)} if start + size < len(found) else {}
        return ActionResult({"Parameters": page, **token})

    return paged
