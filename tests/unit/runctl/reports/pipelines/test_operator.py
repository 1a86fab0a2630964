"""Manifests for the operator: names, references in place of secrets, the form of its `Stack`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.job_stacks import job_spec

from runctl_auto.errors import UsageError
from runctl_auto.reports.pipelines.operator import (
    MOST_NAME,
    FiledJob,
    OperatorOptions,
    named,
    stack_manifest,
    stack_name,
    yaml_text,
)
from runctl_auto.reports.pipelines.operator_files import write_operator_files

OPTIONS = OperatorOptions(
    image="registry.example/jobs@sha256:1", backend="s3://states", secrets_provider="awskms://alias/runctl"
)
JOB = FiledJob(job_spec(secrets=["HF_TOKEN"]), "jobs/digits.yaml")

# The part of the operator's `Stack` v1 that manifests use, in words of ours; compared by hand with the CRD of
# v2.9.0: each field with its type, and the fields that it requires.
STACK: dict[str, Any] = {
    "serviceAccountName": str,
    "stack": str,
    "backend": str,
    "secretsProvider": str,
    "config": dict,
    "refresh": bool,
    "continueResyncOnCommitMatch": bool,
    "resyncFrequencySeconds": int,
    "destroyOnFinalize": bool,
    "workspaceTemplate": {"spec": {"image": str, "local": {"dir": str}}},
    "envRefs": dict,
}
REFERENCE = {"type": str, "secret": {"name": str, "key": str}}
KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def has_form(value: Any, form: Any) -> bool:
    if not isinstance(form, dict):
        return type(value) is form
    return isinstance(value, dict) and all(
        key in form and has_form(each, form[key]) for key, each in value.items()
    )


def test_a_manifest_has_the_form_that_the_operator_knows() -> None:
    [found] = yaml.safe_load_all(yaml_text([stack_manifest("digits", JOB, OPTIONS)]))
    assert (found["apiVersion"], found["kind"]) == ("pulumi.com/v1", "Stack")
    assert has_form(found["spec"], STACK)
    assert "stack" in found["spec"]
    assert all(has_form(each, REFERENCE) for each in found["spec"]["envRefs"].values())
    assert found["spec"]["config"]["runctl:jobFile"] == "/home/pulumi/repository/jobs/digits.yaml"


def test_secrets_are_references() -> None:
    found = stack_manifest("digits", JOB, OPTIONS)["spec"]["envRefs"]
    assert found == {"HF_TOKEN": {"type": "Secret", "secret": {"name": "digits-secrets", "key": "HF_TOKEN"}}}


def test_a_passphrase_is_a_reference_too() -> None:
    options = OperatorOptions(image="i", backend="s3://states", secrets_provider="passphrase")
    spec = stack_manifest("digits", FiledJob(job_spec(), "a.yaml"), options)["spec"]
    assert "secretsProvider" not in spec
    assert set(spec["envRefs"]) == {"PULUMI_CONFIG_PASSPHRASE"}


def test_without_secrets_there_are_no_references() -> None:
    assert "envRefs" not in stack_manifest("digits", FiledJob(job_spec(), "a.yaml"), OPTIONS)["spec"]


_jobs = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True).filter(
    lambda text: 2 <= len(text) <= 40
)
_prefixes = st.from_regex(r"([a-z][a-z0-9]*-)?", fullmatch=True).filter(lambda text: len(text) <= 60)


@given(_prefixes, st.sets(_jobs, min_size=1, max_size=20))
def test_names_fit_and_differ(prefix: str, jobs: set[str]) -> None:
    names = {stack_name(prefix, job) for job in jobs}
    assert len(names) == len(jobs)
    for name in names:
        assert len(name) <= MOST_NAME
        assert KUBERNETES_NAME.fullmatch(name)


def test_a_name_that_is_cut_may_not_be_that_of_another() -> None:
    prefix = "team-of-many-words-and-letters-"
    cut = stack_name(prefix, "a-rather-long-name")
    jobs = [FiledJob(job_spec(name="a-rather-long-name"), "a.yaml")]
    assert list(named(prefix, jobs)) == [cut]
    with pytest.raises(UsageError, match=r"a\.yaml and b\.yaml"):
        named(prefix, [*jobs, FiledJob(job_spec(name="a-rather-long-name"), "b.yaml")])


def test_an_export_replaces_its_own_files_and_no_others(tmp_path: Path) -> None:
    first = write_operator_files(tmp_path, [JOB, FiledJob(job_spec(name="old"), "old.yaml")], OPTIONS)
    assert [each.relative_to(tmp_path).as_posix() for each in first] == [
        "Dockerfile",
        "Dockerfile.dockerignore",
        "kustomization.yaml",
        "service-account.yaml",
        "stacks/digits.yaml",
        "stacks/old.yaml",
    ]
    (tmp_path / "stacks" / "mine.yaml").write_text("kind: Mine\n")
    write_operator_files(tmp_path, [JOB], OPTIONS)
    assert {each.name for each in (tmp_path / "stacks").iterdir()} == {"digits.yaml", "mine.yaml"}
    listed = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())["resources"]
    assert listed == ["service-account.yaml", "stacks/digits.yaml"]
    (tmp_path / "Dockerfile").write_text("FROM mine\n")
    with pytest.raises(UsageError, match="was not written by runctl"):
        write_operator_files(tmp_path, [JOB], OPTIONS)
    assert (tmp_path / "Dockerfile").read_text() == "FROM mine\n"
