from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.agent.errors import IntegrityError, SpecError
from runctl_auto.agent.spec import (
    CHANGEABLE,
    ElasticSpec,
    VolumeSpec,
    inside,
    parse_spec,
    spec_digest,
    verified_spec,
)

TRACEPARENT = f"00-{'a' * 32}-{'b' * 16}-01"
VALID: dict[str, Any] = {
    "schema": 1,
    "job": "digits",
    "run": "0123456789",
    "attempt": 2,
    "lineage": "aaaaaaaaaa",
    "node": 0,
    "nodes": 1,
    "setup": None,
    "command": "python3 train.py",
    "env": {"SEED": "1"},
    "code": {"key": "code/x.tar.gz", "sha256": "x"},
    "volumes": [{"name": "data", "id": "vol-1", "mount": "/data"}],
    "checkpoints": {"path": "checkpoints", "every_seconds": 60, "keep": 3},
    "artifacts": {"paths": ["model/"]},
    "limits": {"max_duration_seconds": 3600},
}


def text(**changes: Any) -> bytes:
    return json.dumps({**VALID, **changes}).encode()


def test_a_whole_spec_is_understood() -> None:
    spec = parse_spec(text())
    assert (spec.job, spec.attempt, spec.lineage, spec.setup) == ("digits", 2, "aaaaaaaaaa", None)
    assert spec.volumes == (VolumeSpec("data", "vol-1", "/data"),)
    assert (spec.checkpoints.every_seconds, spec.checkpoints.keep) == (60.0, 3)
    assert spec.artifacts == ("model",)
    assert (spec.max_duration_seconds, spec.max_attempts) == (3600.0, 1)


def test_no_limit_is_none() -> None:
    assert parse_spec(text(limits={"max_duration_seconds": None})).max_duration_seconds is None


@pytest.mark.parametrize("field", sorted(VALID))
def test_a_missing_field_is_an_error(field: str) -> None:
    spec = {name: value for name, value in VALID.items() if name != field}
    with pytest.raises(SpecError, match=field):
        parse_spec(json.dumps(spec).encode())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"schema": 2}, "schema 2"),
        ({"nodes": 65}, "not 65"),
        ({"nodes": 0}, "not 0"),
        ({"checkpoints": {"path": "../up", "every_seconds": 1, "keep": 1}}, "inside the work folder"),
        ({"checkpoints": {"path": "c", "every_seconds": 0, "keep": 1}}, "not above 0"),
        ({"checkpoints": {"path": "c", "every_seconds": 1, "keep": 0}}, "not above 0"),
        ({"artifacts": {"paths": ["/etc"]}}, "inside the work folder"),
        ({"volumes": [{"name": "d", "id": "v", "mount": "data"}]}, "mount point"),
        ({"volumes": [{"name": "d", "id": "v", "mount": "/a/../../etc"}]}, "mount point"),
        ({"volumes": [{"name": "d", "id": "v", "mount": "/"}]}, "mount point"),
        ({"limits": {"max_duration_seconds": -1}}, "not above 0"),
        ({"retry": {"max_attempts": 0}}, "not above 0"),
        ({"env": ["A=1"]}, "wrong value"),
        ({"shell": "bash 'x"}, "No closing quotation"),
        ({"shell": " "}, "names no program"),
        ({"background": "detach"}, "background is 'detach'"),
    ],
)
def test_wrong_values_are_named(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(SpecError, match=match):
        parse_spec(text(**changes))


@pytest.mark.parametrize("document", [b"", b"null", b"[]", b"{", b"\xff"])
def test_what_is_no_spec_is_an_error(document: bytes) -> None:
    with pytest.raises(SpecError):
        parse_spec(document)


def test_a_path_inside_is_kept_in_short_form() -> None:
    assert inside("./a//b/") == "a/b"


@pytest.mark.parametrize("field", sorted(VALID.keys() - CHANGEABLE - {"schema", "nodes"}))
def test_another_spec_than_the_machine_was_started_for_is_refused(field: str) -> None:
    held = VALID[field]
    other = "other" if isinstance(held, str | None) else 9 if isinstance(held, int) else {**held, "key": "x"}
    with pytest.raises(IntegrityError, match=f"this machine was started for {spec_digest(VALID)}"):
        verified_spec(text(**{field: other}), spec_digest(VALID))


@pytest.mark.parametrize(
    "changes",
    [
        {"volumes": []},
        {"volumes": [{"name": "data", "id": "vol-1", "mount": "/usr/bin"}]},
        {"command": "python3 train.py "},
        {"surprise": True},
    ],
)
def test_its_mount_points_and_unknown_fields_count(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        verified_spec(text(**changes), spec_digest(VALID))


def test_what_may_change_while_the_machine_goes_on_does_not_count() -> None:
    changes = {
        "background": "wait",
        "limits": {"budget": 1},
        "notify": {"webhook": "/p"},
        "trace": {"parent": TRACEPARENT},
        "retry": {"max_attempts": 4},
        "elastic": None,
        "artifacts": {"paths": []},
        "checkpoints": {"path": "c", "every_seconds": 1, "keep": 1},
        "volumes": [{"name": "data", "id": "vol-2", "mount": "/data"}],
    }
    assert changes.keys() == CHANGEABLE
    spec = verified_spec(text(**changes), spec_digest(VALID))
    assert (spec.budget, spec.max_attempts, spec.volumes[0].id) == (1.0, 4, "vol-2")
    assert str(spec.trace) == TRACEPARENT


@pytest.mark.parametrize("parent", ["", "no", None, "00-" + "0" * 32 + "-" + "0" * 16 + "-01"])
def test_a_trace_that_is_none_is_no_reason_to_fail(parent: str | None) -> None:
    assert parse_spec(text(trace={"parent": parent})).trace is None


def test_how_a_spec_is_written_does_not_count() -> None:
    written = json.dumps(dict(reversed(VALID.items())), indent=2).encode()
    assert verified_spec(written, spec_digest(VALID)) == parse_spec(text())


def test_several_nodes_may_be_fewer() -> None:
    found = parse_spec(text(nodes=3, elastic={"min": 2, "wait_seconds": 600}))
    assert found.elastic == ElasticSpec(min=2, wait_seconds=600)
    assert parse_spec(text(nodes=3)).elastic is None


@pytest.mark.parametrize(
    "elastic", [{"min": 3, "wait_seconds": 1}, {"min": 0, "wait_seconds": 1}, {"min": 1}]
)
def test_how_many_fewer_must_make_sense(elastic: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        parse_spec(text(nodes=3, elastic=elastic))
