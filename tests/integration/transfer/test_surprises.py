"""Corruptions and surprises on the way to a real S3 server: each survived or told by name, nothing damaged
kept.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.fault_proxy import Exchange, Fault, Plan, faulty

from benchmarks import s3_tools

RUNCTL = Path(sys.executable).parent / "runctl"
SMALL, LARGE = 50_000, 20 << 20
ALWAYS = None


def flip_request(exchange: Exchange) -> None:
    exchange.body = exchange.body[:-1] + bytes([exchange.body[-1] ^ 1])
    exchange.pass_on()


def flip_answer(exchange: Exchange) -> None:
    exchange.pass_on()
    exchange.answer_body = bytes([exchange.answer_body[0] ^ 1]) + exchange.answer_body[1:]


def cut_answer(exchange: Exchange) -> None:
    exchange.pass_on()
    exchange.answer_body = exchange.answer_body[: len(exchange.answer_body) // 2]
    exchange.is_cut = True


def lose_answer(exchange: Exchange) -> None:
    exchange.pass_on()
    exchange.answer_head = exchange.answer_body = b""
    exchange.is_cut = True


def lose_request(exchange: Exchange) -> None:
    exchange.is_cut = True


def slow(exchange: Exchange) -> None:
    exchange.pass_on()
    exchange.pace = 0.002


def garbage(exchange: Exchange) -> None:
    exchange.answer_head = b"\x16\x03\x01 this is no HTTP\r\n"
    exchange.is_cut = True


def refused(status: int, code: str, headers: str = "") -> Fault:
    return lambda exchange: exchange.answer(status, code, headers)


def part(method: str) -> Callable[[str, str], bool]:
    return lambda asked, target: (
        asked == method and ("partNumber" in target or method == "GET") and "/k" in target
    )


def objects(method: str) -> Callable[[str, str], bool]:
    return lambda asked, target: asked == method and "/k" in target


def completes(asked: str, target: str) -> bool:
    return asked == "POST" and "uploadId" in target


def begins(asked: str, target: str) -> bool:
    return asked == "POST" and "uploads" in target


@dataclass(frozen=True)
class Case:
    """A transfer of one file of `size`; it survives (`kind` None) or ends with an error of this kind."""

    way: str
    size: int
    matches: Callable[[str, str], bool]
    fault: Fault
    times: int | None = 1
    kind: str | None = None
    skip: int = 0


CASES = {
    "up, small: flipped once": Case("up", SMALL, objects("PUT"), flip_request),
    "up, small: always flipped": Case("up", SMALL, objects("PUT"), flip_request, ALWAYS, "checksum-mismatch"),
    "up, small: 503 three times": Case("up", SMALL, objects("PUT"), refused(503, "SlowDown"), 3),
    "up, small: 500 once": Case("up", SMALL, objects("PUT"), refused(500, "InternalError")),
    "up, small: answer lost": Case("up", SMALL, objects("PUT"), lose_answer),
    "up, small: request lost": Case("up", SMALL, objects("PUT"), lose_request),
    "up, small: denied": Case(
        "up", SMALL, objects("PUT"), refused(403, "AccessDenied"), ALWAYS, "access-denied"
    ),
    "up, small: key revoked": Case(
        "up", SMALL, objects("PUT"), refused(403, "InvalidAccessKeyId"), ALWAYS, "credentials"
    ),
    "up, small: token expired": Case(
        "up", SMALL, objects("PUT"), refused(400, "ExpiredToken"), ALWAYS, "credentials"
    ),
    "up, small: clock off": Case(
        "up",
        SMALL,
        objects("PUT"),
        refused(403, "RequestTimeTooSkewed", "Date: Fri, 15 Jan 2027 09:30:00 GMT\r\n"),
        ALWAYS,
        "cloud",
    ),
    "up, small: garbage once": Case("up", SMALL, objects("PUT"), garbage),
    "up, large: part flipped once": Case("up", LARGE, part("PUT"), flip_request),
    "up, large: part always flipped": Case(
        "up", LARGE, part("PUT"), flip_request, ALWAYS, "checksum-mismatch"
    ),
    "up, large: 503s": Case("up", LARGE, part("PUT"), refused(503, "SlowDown"), 4),
    "up, large: part's answer lost": Case("up", LARGE, part("PUT"), lose_answer, 2),
    "up, large: begin's answer lost": Case("up", LARGE, begins, lose_answer),
    "up, large: begin refused": Case(
        "up", LARGE, begins, refused(403, "AccessDenied"), ALWAYS, "access-denied"
    ),
    "up, large: complete's answer lost": Case("up", LARGE, completes, lose_answer),
    "up, large: complete fails once": Case("up", LARGE, completes, refused(500, "InternalError")),
    "up, large: key revoked midway": Case(
        "up", LARGE, part("PUT"), refused(403, "InvalidAccessKeyId"), ALWAYS, "credentials", skip=1
    ),
    "down, small: flipped once": Case("down", SMALL, objects("GET"), flip_answer),
    "down, small: always flipped": Case(
        "down", SMALL, objects("GET"), flip_answer, ALWAYS, "checksum-mismatch"
    ),
    "down, small: cut once": Case("down", SMALL, objects("GET"), cut_answer),
    "down, small: 503s": Case("down", SMALL, objects("GET"), refused(503, "SlowDown"), 3),
    "down, small: slow": Case("down", SMALL, objects("GET"), slow),
    "down, large: part always flipped": Case(
        "down", LARGE, part("GET"), flip_answer, ALWAYS, "checksum-mismatch"
    ),
    "down, large: cut twice": Case("down", LARGE, part("GET"), cut_answer, 2),
    "down, large: slow": Case("down", LARGE, part("GET"), slow, ALWAYS),
    "down, large: replaced midway": Case(
        "down", LARGE, part("GET"), refused(412, "PreconditionFailed"), ALWAYS, "object-changed", skip=1
    ),
    "down, large: deleted midway": Case(
        "down", LARGE, part("GET"), refused(404, "NoSuchKey"), ALWAYS, "not-found", skip=1
    ),
    "down, large: key revoked midway": Case(
        "down", LARGE, part("GET"), refused(403, "InvalidAccessKeyId"), ALWAYS, "credentials", skip=1
    ),
    "down, large: garbage once": Case("down", LARGE, part("GET"), garbage),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3_tools.Server]:
    with s3_tools.server(tmp_path_factory.mktemp("server")) as running:
        running.client().create_bucket(Bucket="data")
        yield running


def run(endpoint: str, place: s3_tools.Server, folder: Path, source: str, target: str) -> tuple[int, Any]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    variables = {**place.variables, "AWS_ENDPOINT_URL": endpoint, "HOME": str(folder)}
    done = subprocess.run(
        [str(RUNCTL), "--output", "json", "transfer", source, target],
        cwd=folder,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.matrix
@pytest.mark.parametrize("name", CASES)
def test_a_surprise(name: str, place: s3_tools.Server, tmp_path: Path) -> None:
    case = CASES[name]
    content = random.Random(name).randbytes(case.size)
    client = place.client()
    key = "k"
    if case.way == "up":
        client.delete_object(Bucket="data", Key=key)
        (tmp_path / "file").write_bytes(content)
        source, target = "file", f"s3://data/{key}"
    else:
        client.put_object(Bucket="data", Key=key, Body=content, ChecksumAlgorithm="CRC64NVME")
        source, target = f"s3://data/{key}", "file"
    port = urlsplit(place.endpoint).port
    assert port is not None
    plan = Plan(case.matches, case.fault, case.times, case.skip)
    with faulty(port, plan) as endpoint:
        code, told = run(endpoint, place, tmp_path, source, target)
        assert plan.done, "the fault was never met"
        if case.kind is None:
            assert code == 0, told
        else:
            assert code != 0, told
            kinds = {told["error"]["kind"], *(each["kind"] for each in told["error"].get("failures", ()))}
            assert case.kind in kinds, told
            assert case.way == "up" or not (tmp_path / "file").exists()
            assert case.way == "down" or not client.list_objects_v2(Bucket="data").get("Contents")
            plan.times = 0  # the same command without the fault puts everything right
            code, told = run(endpoint, place, tmp_path, source, target)
            assert code == 0, told
    if case.way == "down":
        assert (tmp_path / "file").read_bytes() == content
    else:
        assert client.get_object(Bucket="data", Key=key)["Body"].read() == content
    assert not client.list_multipart_uploads(Bucket="data").get("Uploads")
    assert not list(tmp_path.glob(".runctl-arriving-*"))


TREES = {
    "up: flipped": ("up", objects("PUT"), flip_request),
    "up: 503s": ("up", objects("PUT"), refused(503, "SlowDown")),
    "up: answer lost": ("up", objects("PUT"), lose_answer),
    "up: garbage": ("up", objects("PUT"), garbage),
    "down: flipped": ("down", objects("GET"), flip_answer),
    "down: cut": ("down", objects("GET"), cut_answer),
    "down: 503s": ("down", objects("GET"), refused(503, "SlowDown")),
}


@pytest.mark.matrix
@pytest.mark.parametrize("name", TREES)
def test_a_surprise_among_many_small_files(name: str, place: s3_tools.Server, tmp_path: Path) -> None:
    way, matches, fault = TREES[name]
    source = tmp_path / "source"
    source.mkdir()
    for number in range(300):
        (source / f"k{number}").write_bytes(random.Random(number).randbytes(3000))
    prefix = f"s3://data/tree-{name[:2]}-{random.Random(name).randrange(10**6)}/"
    if way == "down":
        assert run(place.endpoint, place, tmp_path, "source", prefix)[0] == 0
    port = urlsplit(place.endpoint).port
    assert port is not None
    plan = Plan(matches, fault, 3, 100)
    with faulty(port, plan) as endpoint:
        parts = ("source", prefix) if way == "up" else (prefix, "back")
        code, told = run(endpoint, place, tmp_path, *parts)
    assert (code, plan.done) == (0, 3), told
    if way == "up":
        assert run(place.endpoint, place, tmp_path, prefix, "back")[0] == 0
    for each in source.iterdir():
        assert (tmp_path / "back" / each.name).read_bytes() == each.read_bytes()
