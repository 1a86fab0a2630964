"""A plan as lines: by component, with what changes, and every resource on request."""

from __future__ import annotations

from runctl_auto.cli.views.plan import component_of, plan_lines
from runctl_auto.engine.events import Plan, PlannedChange

ENVIRONMENT = "runctl:aws:TrainingEnvironment"
BUCKET, TEMPLATE, INSTANCE = (
    "aws:s3/bucket:Bucket",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/instance:Instance",
)


def change(
    operation: str, kind: str, name: str, component: str = "", *, protected: bool = False, changed: str = ""
) -> PlannedChange:
    chain = f"{ENVIRONMENT}$runctl:aws:{component}$" if component else f"{ENVIRONMENT}$"
    urn = f"urn:pulumi:d::runctl::{chain}{kind}::{name}"
    return PlannedChange(operation, kind, name, urn, tuple(changed.split()), protected)


def lines(*changes: PlannedChange, every: bool = False) -> list[str]:
    return plan_lines(Plan(changes, 0), every_resource=every)


def test_what_is_only_made_takes_a_line_a_component() -> None:
    changes = (
        change("create", BUCKET, "d-bucket", "ArtifactBucket"),
        change("create", TEMPLATE, "d-template", "SpotInstance"),
        change("create", INSTANCE, "d-instance", "SpotInstance"),
        change("create", "aws:s3/bucketObjectv2:BucketObjectv2", "d-code"),
    )
    assert lines(*changes) == [
        "+ ArtifactBucket       1 to create",
        "+ SpotInstance         2 to create",
        "+ TrainingEnvironment  1 to create",
        "4 to create",
    ]
    assert lines(*changes, every=True) == [
        "+ d-bucket (s3 Bucket)",
        "+ d-template (ec2 LaunchTemplate)",
        "+ d-instance (ec2 Instance)",
        "+ d-code (s3 BucketObjectv2)",
        "4 to create",
    ]


def test_what_changes_is_named_below_its_component() -> None:
    changes = (
        change("update", TEMPLATE, "d-template", "SpotInstance", changed="userData"),
        change("create-replacement", INSTANCE, "d-instance", "SpotInstance"),
        change("replace", INSTANCE, "d-instance", "SpotInstance", changed="ami userData"),
        change("delete-replaced", INSTANCE, "d-instance", "SpotInstance"),
    )
    assert lines(*changes) == [
        "~ SpotInstance  1 to update, 1 to replace",
        "    ~ d-template (ec2 LaunchTemplate) [userData]",
        "    ± d-instance (ec2 Instance) [ami, userData]",
    ]


def test_the_deletion_of_something_protected_is_always_named() -> None:
    volume = "aws:ebs/volume:Volume"
    shown = lines(
        change("delete", volume, "d-data", "DataVolume", protected=True),
        change("delete", volume, "d-x", "DataVolume"),
    )
    assert shown == ["- DataVolume  2 to delete", "    - d-data (ebs Volume) (protected)"]


def test_many_changes_of_a_component_are_cut_with_a_word() -> None:
    shown = lines(*(change("update", BUCKET, f"d-{number}", "ArtifactBucket") for number in range(5)))
    assert shown[0] == "~ ArtifactBucket  5 to update"
    assert shown[-1] == "    and 2 more; -v shows all"
    assert len(shown) == 5


def test_nothing_to_change() -> None:
    assert lines() == ["nothing to change"]
    assert lines(change("update", ENVIRONMENT, "d")) == ["nothing to change"]


def test_a_resource_outside_components_is_the_jobs() -> None:
    assert component_of("urn:pulumi:d::runctl::aws:s3/bucket:Bucket::d-bucket") == "job"
    assert component_of("d-bucket") == "job"
