import io
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from sandbox.aws.cloud.operations import AwsCall, read_call


def environ(
    method: str = "POST", path: str = "/", query: str = "", service: str = "s3", **more: str
) -> dict[str, Any]:
    scope = f"AWS4-HMAC-SHA256 Credential=key/20261122/us-east-1/{service}/aws4_request, SignedHeaders=host"
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_AUTHORIZATION": scope,
        "wsgi.input": io.BytesIO(),
        **more,
    }


@pytest.mark.parametrize("service", ["ec2", "iam", "sts"])
def test_a_query_call_is_read_from_its_form(service: str) -> None:
    body = urlencode({"Action": "RunInstances", "InstanceType": "g5.xlarge", "Version": "1"}).encode()
    call = read_call(environ(service=service), body)
    assert call == AwsCall(service, "RunInstances", {"InstanceType": "g5.xlarge", "Version": "1"})
    assert call.changes_something


def test_a_json_call_is_read_from_its_target_and_body() -> None:
    body = json.dumps({"Name": "/x", "Tags": [{"Key": "k"}], "WithDecryption": True}).encode()
    call = read_call(environ(service="ssm", HTTP_X_AMZ_TARGET="AmazonSSM.GetParameter"), body)
    assert call == AwsCall(
        "ssm", "GetParameter", {"Name": "/x", "Tags.1.Key": "k", "WithDecryption": "True"}, is_json=True
    )
    assert not call.changes_something


@pytest.mark.parametrize(
    ("method", "path", "query", "operation"),
    [
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/b", "", "CreateBucket"),
        ("DELETE", "/b", "", "DeleteBucket"),
        ("HEAD", "/b", "", "HeadBucket"),
        ("GET", "/b", "list-type=2&prefix=x", "ListObjectsV2"),
        ("GET", "/b", "", "ListObjects"),
        ("GET", "/b", "versions", "ListObjectVersions"),
        ("GET", "/b", "uploads", "ListMultipartUploads"),
        ("POST", "/b", "delete", "DeleteObjects"),
        ("PUT", "/b", "policy", "PutBucketPolicy"),
        ("PUT", "/b", "publicAccessBlock", "PutPublicAccessBlock"),
        ("GET", "/b", "lifecycle", "GetBucketLifecycleConfiguration"),
        ("GET", "/b/a/key", "", "GetObject"),
        ("HEAD", "/b/a/key", "", "HeadObject"),
        ("PUT", "/b/a/key", "x-id=PutObject", "PutObject"),
        ("DELETE", "/b/a/key", "", "DeleteObject"),
        ("PUT", "/b/a/key", "tagging", "PutObjectTagging"),
        ("POST", "/b/a/key", "uploads", "CreateMultipartUpload"),
        ("PUT", "/b/a/key", "partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/a/key", "uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/a/key", "uploadId=u", "AbortMultipartUpload"),
    ],
)
def test_an_s3_call_is_read_from_method_path_and_query(
    method: str, path: str, query: str, operation: str
) -> None:
    assert read_call(environ(method, path, query), b"").operation == operation


def test_a_copy_is_told_from_a_put() -> None:
    copy = {"HTTP_X_AMZ_COPY_SOURCE": "b/other"}
    assert read_call(environ("PUT", "/b/k", "", **copy), b"").operation == "CopyObject"
    parts = "partNumber=1&uploadId=u"
    assert read_call(environ("PUT", "/b/k", parts, **copy), b"").operation == "UploadPartCopy"


def test_bucket_and_key_are_parameters() -> None:
    call = read_call(environ("GET", "/b/a%20b/c"), b"")
    assert (call.parameters["Bucket"], call.parameters["Key"]) == ("b", "a b/c")


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff\xfe", b"[1]"])
def test_what_cannot_be_read_has_no_parameters(body: bytes) -> None:
    target: dict[str, Any] = {"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}
    assert read_call(environ(service="ssm", **target), body).operation == "GetParameter"
    assert read_call(environ(service="ec2"), body).service == "ec2"


@pytest.mark.parametrize(
    ("method", "path", "operation", "identity"),
    [
        ("POST", "/experimentTemplates", "CreateExperimentTemplate", ""),
        ("GET", "/experimentTemplates", "ListExperimentTemplates", ""),
        ("DELETE", "/experimentTemplates/EXT1", "DeleteExperimentTemplate", "EXT1"),
        ("POST", "/experiments", "StartExperiment", ""),
        ("GET", "/experiments/EXP1", "GetExperiment", "EXP1"),
        ("DELETE", "/experiments/EXP1", "StopExperiment", "EXP1"),
        ("PUT", "/experiments/EXP1", "", "EXP1"),
    ],
)
def test_a_call_of_fault_injection_is_read_from_method_and_path(
    method: str, path: str, operation: str, identity: str
) -> None:
    call = read_call(environ(method, path, service="fis"), b"{}")
    assert call == AwsCall("fis", operation, {"Id": identity}, is_json=True)
