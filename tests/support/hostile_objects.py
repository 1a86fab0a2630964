"""Objects of a job's bucket as a hostile or broken machine may write them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

from hypothesis import strategies as st

from runctl_auto.agent.contract import PHASES
from runctl_auto.agent.keys import (
    artifacts_prefix,
    checkpoint_prefix,
    chosen_key,
    file_key,
    logs_prefix,
    manifest_key,
    metrics_key,
    spec_key,
    status_key,
    stop_key,
)

RUN = "0123456789"
"""Whoever uses these objects replaces it by the id of a run."""
SHA_OF_X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
STATUS: dict[str, Any] = {
    "schema": 1,
    "job": "digits",
    "run": RUN,
    "attempt": 1,
    "node": 0,
    "instance": "i-1",
    "phase": "running",
    "exit_code": 3,
    "reason": "command_failed",
    "message": "the command ended with exit code 3",
    "started_at": "2026-11-22T11:00:00.000Z",
    "updated_at": "2026-11-22T11:59:50.000Z",
    "ended_at": "2026-11-22T11:59:50.000Z",
    "phases": {"boot": 10.5, "run": 3500.0},
    "resumed_from": "00000001",
    "checkpoints": {"count": 2, "last": "00000002", "last_at": "2026-11-22T11:30:00.000Z"},
    "artifacts": {"files": 1, "bytes": 1},
    "log_parts": 2,
    "unsaved": [{"what": "artifacts", "path": "a", "why": "is a pipe"}],
    "suspect": {"sequence": "00000002", "path": "a", "why": "was being written"},
    "resumes": [{"checkpoint": "00000001", "failure": "the command ended with exit code 1"}],
    "data": {"files": 1, "files_total": 2, "bytes": 1, "bytes_total": 2},
    "tries": [
        {
            "number": 1,
            "started_at": "2026-11-22T11:10:00.000Z",
            "ended_at": "2026-11-22T11:20:00.000Z",
            "reason": "command_failed",
            "exit_code": 3,
            "message": "the command ended with exit code 3",
        }
    ],
    "machines": [
        {
            "id": "i-1",
            "type": "t3.micro",
            "zone": "us-east-1a",
            "market": "spot",
            "launched_at": "2026-11-22T10:59:00.000Z",
            "seen_at": "2026-11-22T11:59:50.000Z",
            "ended_at": None,
            "price_hour": 0.0031,
        }
    ],
    "metrics": {
        "training": [
            {
                "name": "loss",
                "axis": "step",
                "step": 100.0,
                "value": "NaN",
                "at": "2026-11-22T11:59:40.000Z",
                "recent": [2.5, 0.5, "NaN"],
            }
        ],
        "machine": {
            "at": "2026-11-22T11:59:45.000Z",
            "cpu": 0.93,
            "memory": 10**9,
            "memory_total": 4 * 10**9,
            "disk": 10**9,
            "disk_total": 2 * 10**10,
            "network_received": 10**6,
            "network_sent": None,
            "gpus": [{"use": 0.5, "memory": 10**9, "memory_total": 2 * 10**10}],
        },
    },
}
METRICS: dict[str, Any] = {
    "schema": 1,
    "run": RUN,
    "node": 0,
    "began_at": "2026-11-22T11:00:00.000Z",
    "updated_at": "2026-11-22T11:59:50.000Z",
    "training": [
        {
            "name": "loss",
            "axis": "step",
            "source": "output",
            "unit": "",
            "points": 4,
            "steps": [1.0, 100.0],
            "values": [2.5, "NaN"],
            "seconds": [20.0, 3580.0],
        }
    ],
    "machine": [
        {
            "name": "cpu",
            "axis": "time",
            "source": "machine",
            "unit": "share",
            "points": 2,
            "steps": [],
            "values": [0.5, 0.93],
            "seconds": [30.0, 60.0],
        }
    ],
    "left_out": 0,
}
MANIFEST: dict[str, Any] = {
    "files": [
        {"path": "model/a", "bytes": 1, "sha256": SHA_OF_X, "mode": 420, "mtime_ns": 10**18},
        {"path": "b", "bytes": 4096, "sha256": SHA_OF_X, "mode": 493, "mtime_ns": 0, "extents": [[5, 1]]},
    ],
    "folders": [{"path": "model", "mode": 493, "mtime_ns": 10**18}],
    "links": {"latest": "model/a"},
    "absolute_links": {"whole": "model"},
    "problems": [{"path": "p", "why": "is a pipe"}],
    "suspect": [{"path": "model/a", "why": "was being written"}],
    "saved_at": "2026-11-22T11:30:00.000Z",
    "run": RUN,
}
SPEC: dict[str, Any] = {
    "schema": 1,
    "job": "digits",
    "run": RUN,
    "attempt": 1,
    "lineage": RUN,
    "node": 0,
    "nodes": 1,
    "setup": "true",
    "command": "true",
    "background": "fail",
    "shell": "bash -e",
    "env": {"SEED": "1"},
    "code": {"key": "code/x.tar.gz", "sha256": "x"},
    "volumes": [{"name": "data", "id": "vol-1", "mount": "/data"}],
    "checkpoints": {"path": "checkpoints", "every_seconds": 60, "keep": 3},
    "artifacts": {"paths": ["model/"]},
    "limits": {"max_duration_seconds": 60, "idle_duration_seconds": None, "budget": 1, "price_hour": 0.1},
    "secrets": [{"name": "TOKEN", "parameter": "/runctl/digits/TOKEN"}],
    "data": [{"bucket": "b", "prefix": "p", "path": "data"}],
}
STOP: dict[str, Any] = {"reason": "down", "grace_seconds": 30, "at": "2026-11-22T11:30:00.000Z"}
CHOSEN: dict[str, Any] = {"sequence": "00000001", "newest": "00000002"}

DEEP: Any = 0
for _ in range(200):
    DEEP = [DEEP]
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 255, 256, 10**12, 2**63, 10**400, -(10**400), 0.5, -0.0, 1e-320, 1e308,
    float("nan"), float("inf"), float("-inf"), "", "0", "running", "failed", "succeeded", "interrupted",
    "stopped", "lost", "unknown", "i-2", "x" * 5000, "\ud800", "\udcff", "\0", "a\nb", "\x1b[2J\x1b]0;t\x07",
    "\u202e", "²", "٣", "..", "../../up", "/etc/passwd", "a/../b", ".", ".artifacts.json", "model/a", "model",
    "model/a/x", "00000001", "99999999", "2026-11-22T11:30:00", "2026-11-22 11:30:00Z",
    "2999-12-31T23:59:59Z", "1970-01-01T00:00:00+23:59", "0000-00-00T00:00:00Z", "2026-11-22T11:30:00.1Z",
    [], {}, [None], [[]], [[0, -1]], [[5, 2**53]], {"a": {}}, {"": 0}, DEEP, ["x"] * 200,
    {"path": "model/a"}, [{"what": "artifacts", "path": None, "why": 7}], {"run": 1e308}, {"run": -1e9},
)  # fmt: skip
RUNS = (
    RUN, "..", ".", "", "checkpoints", "../../other", "0123456789/..", "x", "ABCDEF0123",
    "0123456789 ", "fedcba9876", "٠١٢٣٤٥٦٧٨٩", "%2e%2e", "0" * 300,
)  # fmt: skip
PARTS = (
    "0/00000000.log", "0/00000001.log", "0/1.log", "0/evil.log", "0/²²²²²²²².log", "x/00000000.log",
    "00000000.log", "0/99999999.log", "0/00000000.log/x", "../0/00000000.log", "0/", "1/00000000.log",
)  # fmt: skip
SEQUENCES = (
    "00000000",
    "00000001",
    "99999999",
    "²²²²²²²²",
    "..",
    "1",
    "000000001",
    "-0000001",
    "chosen.json",
)


def document(chance: Random, base: dict[str, Any]) -> bytes:
    """``base`` with up to three places changed; one in eight is cut off, or something else altogether."""
    how = chance.randrange(40)
    if how == 0:
        return chance.randbytes(chance.randrange(64))
    if how == 1:
        return json.dumps(chance.choice(VALUES)).encode()
    if how == 2:
        return chance.choice((b"[" * 50_000, b'{"a":' * 50_000, b"{},[]," * 50_000, b"9" * 10_000, b'"' * 9))
    changed = copy.deepcopy(base)
    if "phase" in changed:
        changed["phase"] = chance.choice(sorted(PHASES))
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 3))):
        found = list(places(changed))
        if not found:
            break
        holder, key = chance.choice(found)
        if chance.randrange(10) == 0:
            del holder[key]
        elif isinstance(holder, list) and chance.randrange(2):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    content = json.dumps(changed, ensure_ascii=how != 3).encode("utf-8", "surrogatepass")
    return content[: chance.randrange(len(content) + 1)] if how == 4 else content


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """All members and elements of a document, as what holds them and their key there."""
    found = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    for key, inner in found:
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from places(inner)


def bucket(seed: int) -> dict[str, bytes]:
    """All that a machine may have written to a job's bucket, by key."""
    chance = Random(seed)
    objects: dict[str, bytes] = {}
    for run in dict.fromkeys((RUN, chance.choice(RUNS))):
        objects[status_key(run)] = document(chance, STATUS)
        objects[spec_key(run)] = document(chance, SPEC)
        objects[stop_key(run)] = document(chance, STOP)
        objects[metrics_key(run)] = document(chance, METRICS)
        if chance.randrange(2):
            objects.update(_tree(document(chance, MANIFEST), artifacts_prefix(run)))
        for part in chance.sample(PARTS, chance.randrange(4)):
            text = chance.randbytes(chance.randrange(40)) * chance.choice((1, 1000))
            objects[logs_prefix(run) + part] = text
    objects[chosen_key(RUN)] = document(chance, CHOSEN)
    for sequence in chance.sample(SEQUENCES, chance.randrange(4)):
        objects.update(_tree(document(chance, MANIFEST), checkpoint_prefix(RUN, sequence)))
    return objects


BUCKETS = st.integers(0, 2**63).map(bucket)
"""Made by chance from a seed, which a failure names: so large documents take no time to generate."""


def _tree(manifest: bytes, prefix: str) -> dict[str, bytes]:
    files = {file_key(prefix, path): b"x" for path in ("model/a", "b", "../../up", "..")}
    return {**files, manifest_key(prefix): manifest}
