"""From a report of the policy pack to the line of the job file."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.rule import Violation as Reported
from runctl_auto.engine.events import DiagnosticEvent, PolicyEvent
from runctl_auto.engine.violations import advice_in, read_violation, refusal, with_lines, without_repetition
from runctl_auto.errors import ExitCode, PolicyViolationError, Violation
from runctl_auto.job_file.load import load_job_file

JOB = """\
name: digits
region: us-east-1
run: "true"
resources:
  instance_types:
    - m5.large
    - p3.2xlarge
volumes:
  - {name: data, mount: /data, size: 10GB}
  - name: cache
    mount: /cache
    size: 20GB
"""


def violation(**changes: object) -> Violation:
    values = {"rule": "maximum-sizes", "resource": "digits", "found": "20 GB", "allowed": "at most 10 GB"}
    return Violation(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "reported",
    [
        Reported(found="20 GB", allowed="at most 10 GB"),
        Reported(found="20 GB", allowed="at most 10 GB", field="nodes"),
        Reported(found="20 GB; or so: more", allowed="a; b: c", field="resources.instance_types[12]"),
        Reported(found="20 GB", allowed="at most 10 GB", field="volumes[0].size"),
    ],
)
def test_what_the_pack_writes_is_read_back(reported: Reported) -> None:
    message = f"Disks are small.\ndigits: {reported}\n"
    assert read_violation("maximum-sizes", "other", message) == violation(
        found=reported.found, allowed=reported.allowed, field=reported.field
    )


@pytest.mark.parametrize("message", ["tokens needed", "tokens\n  needed\n", ""])
def test_a_report_of_another_pack_is_told_as_it_is(message: str) -> None:
    found = " ".join(message.split())
    assert read_violation("imds", "machine", message) == Violation(
        rule="imds", resource="machine", found=found
    )


def test_a_part_of_what_is_told_of_the_whole_is_not_told_again() -> None:
    whole = violation(field="resources.disk")
    part = violation(resource="digits-machine-instance", found="a root volume of 20 GB")
    other = violation(rule="volume-encrypted", allowed="true")
    assert without_repetition([whole, part, other, other, whole]) == (whole, other)
    assert without_repetition([part]) == (part,)


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("region", 2),
        ("resources.instance_types[1]", 7),
        ("volumes[1].size", 12),
        ("volumes[0].size", 9),
        ("resources.disk", 4),  # not written: the nearest thing around it
        ("budget", 1),
    ],
)
def test_a_field_has_its_line(field: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    error = with_lines(refusal([violation(field=field)], {"job": "digits"}), load_job_file(file))
    assert [(each.file, each.line) for each in error.violations] == [(str(file), line)]
    assert f"job.yaml:{line}:{field}: 20 GB; allowed: at most 10 GB" in str(error)
    assert error.where["file"] == str(file)


def test_what_no_field_causes_has_no_line(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    error = with_lines(refusal([violation()], {}), load_job_file(file))
    assert str(error.violations[0]) == "20 GB; allowed: at most 10 GB (rule maximum-sizes, resource digits)"


def test_a_file_that_is_gone_by_now_keeps_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    job = load_job_file(file)
    file.unlink()
    error = with_lines(refusal([violation(field="region")], {}), job)
    assert [(each.file, each.line) for each in error.violations] == [(str(file), 2)]


@pytest.mark.parametrize(
    ("fields", "says", "does_not_say"),
    [
        (["region"], "Change the named fields", "policies.yaml"),
        ([None], "change the program", "Change the named fields"),
        (["region", None], "change the program", "nothing"),
    ],
)
def test_the_next_step_fits_what_was_found(fields: list[str | None], says: str, does_not_say: str) -> None:
    error = refusal([violation(field=field) for field in fields], {})
    assert error.next_step is not None
    assert says in error.next_step
    assert does_not_say not in error.next_step


def test_an_update_may_have_made_something_before() -> None:
    error = refusal([violation()], {"job": "digits", "operation": "update"})
    assert "`runctl down digits` removes it" in str(error.next_step)
    assert "runctl down" not in str(
        refusal([violation()], {"job": "digits", "operation": "preview"}).next_step
    )


def test_it_ends_with_4_and_tells_programs_all() -> None:
    error = PolicyViolationError("refused", violations=[violation(field="nodes", file="job.yaml", line=3)])
    assert error.exit_code is ExitCode.REFUSED
    (told,) = error.as_json()["violations"]  # type: ignore[misc]
    assert told == {
        "rule": "maximum-sizes",
        "resource": "digits",
        "found": "20 GB",
        "allowed": "at most 10 GB",
        "field": "nodes",
        "file": "job.yaml",
        "line": 3,
    }


def test_advice_is_told_once_and_refusals_are_none() -> None:
    urn = "urn:pulumi:digits::runctl::aws:ec2/instance:Instance::machine"
    advice = PolicyEvent(
        "tags", "pack", "advisory", "<{%reset%}>About tags.\nmachine: x; allowed: y<{%reset%}>\n", urn
    )
    refused = PolicyEvent("imds", "pack", "mandatory", "no", urn)
    events = [advice, refused, DiagnosticEvent("info", "x"), advice]
    assert advice_in(events) == ("policy: x; allowed: y (rule tags, resource machine)",)


def test_advice_about_the_whole_is_not_told_again_of_its_parts() -> None:
    events = [
        PolicyEvent(
            "allowed-regions", "pack", "advisory", f"{name}: region is x; allowed: y{field}", f"urn::{name}"
        )
        for name, field in (("digits", "; job file: region"), ("bucket", ""), ("role", ""))
    ]
    assert advice_in(events) == (
        "policy: region: region is x; allowed: y (rule allowed-regions, resource digits)",
    )
