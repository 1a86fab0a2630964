"""What a job's machine may do, judged by evaluating its policy as AWS would."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import Any

import pytest

from components.machine_access import MachineAccess, access_policy

ARGS = MachineAccess(
    account="123456789012",
    partition="aws",
    region="eu-west-1",
    job="digits",
    run="abc123",
    lineage="line",
    bucket="runctl-digits-artifacts-12345678",
    has_secrets=True,
)
BUCKET = "arn:aws:s3:::runctl-digits-artifacts-12345678"
STATEMENTS: list[dict[str, Any]] = access_policy(ARGS)["Statement"]  # type: ignore[assignment]


def allowed(action: str, resource: str) -> bool:
    return any(
        action in statement["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in STATEMENTS
    )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"{BUCKET}/code/c.tar.gz"),
        ("s3:GetObject", f"{BUCKET}/agent/a.pyz"),
        ("s3:GetObject", f"{BUCKET}/runs/abc123/spec.json"),
        ("s3:GetObject", f"{BUCKET}/runs/abc123/control/stop.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/status.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/logs/0/00000000.log"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/metrics/0.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/artifacts/manifest.json"),
        ("s3:GetObject", f"{BUCKET}/checkpoints/line/chosen.json"),
        ("s3:GetObject", f"{BUCKET}/checkpoints/line/00000001/manifest.json"),
        ("s3:PutObject", f"{BUCKET}/checkpoints/line/00000001/manifest.json"),
        ("s3:PutObject", f"{BUCKET}/checkpoints/line/00000001/files/a/b"),
        ("s3:AbortMultipartUpload", f"{BUCKET}/checkpoints/line/00000001/files/a/b"),
        ("s3:DeleteObject", f"{BUCKET}/checkpoints/line/00000001/manifest.json"),
        ("ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/runctl/digits/HF_TOKEN"),
        ("ssmmessages:OpenDataChannel", "*"),
    ],
)
def test_what_the_agent_needs(action: str, resource: str) -> None:
    assert allowed(action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", f"{BUCKET}/runs/other/status.json"),
        ("s3:PutObject", f"{BUCKET}/runs/other/status.json"),
        ("s3:PutObject", f"{BUCKET}/runs/other/metrics/0.json"),
        ("s3:PutObject", f"{BUCKET}/code/c.tar.gz"),
        ("s3:PutObject", f"{BUCKET}/agent/a.pyz"),
        ("s3:DeleteObject", f"{BUCKET}/runs/abc123/status.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/spec.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/control/stop.json"),
        ("s3:DeleteObject", f"{BUCKET}/runs/abc123/control/stop.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/other.json"),
        ("s3:PutObject", f"{BUCKET}/runs/abc123/status.json/other"),
        ("s3:PutObject", f"{BUCKET}/checkpoints/line/chosen.json"),
        ("s3:DeleteObject", f"{BUCKET}/checkpoints/line/chosen.json"),
        ("s3:GetObject", f"{BUCKET}/checkpoints/other/00000001/manifest.json"),
        ("s3:PutObject", f"{BUCKET}/checkpoints/other/00000001/manifest.json"),
        ("s3:DeleteObject", f"{BUCKET}/checkpoints/other/00000001/manifest.json"),
        ("s3:GetObjectVersion", f"{BUCKET}/checkpoints/line/00000001/manifest.json"),
        ("s3:DeleteObjectVersion", f"{BUCKET}/checkpoints/line/00000001/manifest.json"),
        ("s3:ListBucketVersions", BUCKET),
        ("s3:PutBucketVersioning", BUCKET),
        ("s3:PutLifecycleConfiguration", BUCKET),
        ("s3:GetObject", "arn:aws:s3:::someone-elses/code/c.tar.gz"),
        ("s3:ListBucket", "arn:aws:s3:::someone-elses"),
        ("ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/runctl/other/HF_TOKEN"),
        ("ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/runctl/digits-2/HF_TOKEN"),
        ("ssm:PutParameter", "arn:aws:ssm:eu-west-1:123456789012:parameter/runctl/digits/HF_TOKEN"),
        ("ssm:GetParameters", "arn:aws:ssm:eu-west-1:123456789012:parameter/database-password"),
        ("ec2:TerminateInstances", "*"),
        ("iam:PassRole", "*"),
        ("sts:AssumeRole", "*"),
    ],
)
def test_what_nobody_on_the_machine_may(action: str, resource: str) -> None:
    assert not allowed(action, resource)


def test_it_lists_its_own_bucket_unconditionally_so_that_a_missing_object_is_a_404() -> None:
    (statement,) = [each for each in STATEMENTS if "s3:ListBucket" in each["Action"]]
    assert statement["Resource"] == [BUCKET]
    assert "Condition" not in statement


def test_no_action_has_a_wildcard() -> None:
    assert not [action for statement in STATEMENTS for action in statement["Action"] if "*" in action]


def test_only_what_has_no_resource_of_its_own_is_allowed_on_all() -> None:
    everywhere = [
        action for statement in STATEMENTS if "*" in statement["Resource"] for action in statement["Action"]
    ]
    assert {action.split(":")[0] for action in everywhere} <= {"ssmmessages", "ssm"}
    assert [action for action in everywhere if action.startswith("ssm:")] == ["ssm:UpdateInstanceInformation"]


def test_a_machine_fetches_from_its_images_repository_alone() -> None:
    arn = "arn:aws:ecr:eu-west-1:123456789012:repository/team/train"
    document = access_policy(replace(ARGS, repository=arn))
    found = {each["Sid"]: each for each in document["Statement"]}  # type: ignore[attr-defined]
    assert found["FetchOwnImage"]["Resource"] == [arn]
    assert found["FetchOwnImage"]["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert found["LogInToRegistry"]["Action"] == ["ecr:GetAuthorizationToken"]
    assert not any("ecr:" in action for statement in STATEMENTS for action in statement["Action"])


def test_it_decrypts_its_own_parameters_only_and_only_by_way_of_their_store() -> None:
    (statement,) = [each for each in STATEMENTS if "kms:Decrypt" in each["Action"]]
    parameters = "arn:aws:ssm:eu-west-1:123456789012:parameter/runctl/digits/*"
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"},
        "StringLike": {"kms:EncryptionContext:PARAMETER_ARN": parameters},
    }


def test_a_job_without_secrets_reads_no_parameters_at_all() -> None:
    statements: Any = access_policy(replace(ARGS, has_secrets=False))["Statement"]
    actions = {action for statement in statements for action in statement["Action"]}
    assert not {action for action in actions if action.startswith(("ssm:Get", "kms:"))}


@pytest.mark.parametrize("stores", [True, False])
def test_spans_are_stored_only_where_the_run_is_traced(stores: bool) -> None:
    found: list[Any] = access_policy(replace(ARGS, stores_spans=stores))["Statement"]  # type: ignore[assignment]
    written = [each["Resource"] for each in found if "s3:PutObject" in each["Action"]]
    assert [f"{BUCKET}/runs/abc123/traces/*" in each for each in written] == [stores]
