"""The log comes line by line, whole, once, whatever the parts look like."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from support.s3_in_memory import OWNER, STORED, S3InMemory
from support.sessions import fake_results

from runctl_auto.agent.keys import log_part_name, node_logs_prefix
from runctl_auto.observe.logs import LogLine, LogReader, RunLog
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket


def reader(s3: S3InMemory, bucket: str = "b") -> LogReader:
    return LogReader(JobBucket(Cloud(lambda service, region: s3, "us-east-1"), bucket, OWNER), "r1")


def write(s3: S3InMemory, part: int, text: str) -> None:
    s3.buckets["b"][node_logs_prefix("r1", 0) + log_part_name(part)] = text.encode()


def test_lines_come_once_and_in_order_while_the_log_grows() -> None:
    s3 = S3InMemory("b")
    log = reader(s3)
    assert list(log.new_lines()) == []
    write(s3, 0, "one\ntwo\n")
    assert list(log.new_lines()) == ["one", "two"]
    assert list(log.new_lines()) == []
    write(s3, 1, "thr")
    assert list(log.new_lines()) == []
    write(s3, 2, "ee\nfour")
    assert list(log.new_lines()) == ["three"]
    assert list(log.rest()) == ["four"]
    assert list(log.rest()) == []


def test_another_runs_log_is_not_read() -> None:
    s3 = S3InMemory("b")
    s3.buckets["b"][node_logs_prefix("r10", 0) + log_part_name(0)] = b"other\n"
    assert list(reader(s3).rest()) == []


def test_without_a_bucket_there_is_no_log() -> None:
    assert list(reader(S3InMemory(), "gone").rest()) == []


def test_bytes_that_are_no_text_do_not_end_the_reading() -> None:
    s3 = S3InMemory("b")
    s3.buckets["b"][node_logs_prefix("r1", 0) + log_part_name(0)] = b"\xff\xfe\nfine\n"
    assert list(reader(s3).rest())[1] == "fine"


@settings(max_examples=50)
@given(
    text=st.text(alphabet="ab\n", max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
    page_size=st.integers(1, 3),
)
def test_however_the_log_is_cut_it_reads_the_same(text: str, cuts: list[int], page_size: int) -> None:
    s3 = S3InMemory("b", page_size=page_size)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for part, (start, end) in enumerate(itertools.pairwise(edges)):
        write(s3, part, text[start:end])
    expected = text.split("\n")
    if expected[-1] == "":
        expected.pop()
    assert list(reader(s3).rest()) == expected


def test_a_line_of_many_parts_is_one_line() -> None:
    s3 = S3InMemory("b")
    for part in range(50):
        write(s3, part, "y" * 1000)
    write(s3, 50, "\nnext")
    log = reader(s3)
    assert list(log.new_lines()) == ["y" * 50_000]
    write(s3, 51, "!\n")
    assert list(log.new_lines()) == ["next!"]


def test_what_is_named_otherwise_is_no_part_and_a_huge_part_is_cut() -> None:
    s3 = S3InMemory("b")
    for name in ("evil.log", "0/evil.log", "x/00000000.log", "0/00000000.log/x", "0/1.log"):
        s3.buckets["b"][f"runs/r1/logs/{name}"] = b"planted\n"
    write(s3, 0, "first\n" + "x" * 3_000_000)
    write(s3, 1, "last\n")
    lines = list(reader(s3).rest())
    assert lines[0] == "first"
    assert len(lines[1]) == 2 * 1024 * 1024 - len("first\n")
    assert "00000000.log is larger than any part that is written" in lines[2]
    assert lines[3:] == ["last"]


def test_a_line_without_end_comes_in_pieces() -> None:
    s3 = S3InMemory("b")
    for part in range(10):
        write(s3, part, "y" * 1_000_000)
    pieces = list(reader(s3).rest())
    assert "".join(pieces) == "y" * 10_000_000
    assert max(len(piece) for piece in pieces) <= 5_194_304


def run_log(s3: S3InMemory, **which: int) -> RunLog:
    return RunLog(JobBucket(Cloud(lambda service, region: s3, "us-east-1"), "b", OWNER), "r1", **which)


def write_of(s3: S3InMemory, node: int, part: int, text: str, second: int) -> None:
    key = node_logs_prefix("r1", node) + log_part_name(part)
    s3.buckets["b"][key] = text.encode()
    s3.stored[key] = STORED + timedelta(seconds=second)


def test_the_logs_of_several_nodes_are_merged_or_asked_for_one_by_one() -> None:
    s3 = S3InMemory("b")
    write_of(s3, 0, 0, "a\nb\nc", 1)
    write_of(s3, 0, 1, "c\nf", 4)
    write_of(s3, 1, 0, "d\n", 2)
    write_of(s3, 1, 1, "e\n", 4)
    write_of(s3, 1, 2, "g\n", 5)
    both = run_log(s3, nodes=2)
    assert not both.has_begun
    assert [(each.rank, each.text) for each in both.new_lines()] == [
        (0, "a"), (0, "b"), (1, "d"), (0, "cc"), (1, "e"), (1, "g"),
    ]  # fmt: skip
    assert both.has_begun
    write_of(s3, 0, 2, "!\nh\n", 9)
    write_of(s3, 1, 3, "i\n", 8)
    assert list(both.rest()) == [LogLine("i", 1), LogLine("f!", 0), LogLine("h", 0)]
    assert list(both.rest()) == []
    assert list(run_log(s3, nodes=2, rank=1).rest()) == [LogLine(each) for each in "degi"]
    assert list(run_log(s3).rest()) == [LogLine(each) for each in ("a", "b", "cc", "f!", "h")]


@settings(max_examples=50)
@given(steps=st.lists(st.lists(st.integers(0, 3), max_size=8), min_size=2, max_size=4))
def test_merged_logs_have_all_lines_of_each_node_in_order_and_never_go_back(steps: list[list[int]]) -> None:
    s3 = S3InMemory("b")
    for node, waits in enumerate(steps):
        for part, second in enumerate(itertools.accumulate(waits)):
            write_of(s3, node, part, f"{second} {part}\n", second)
    lines = list(run_log(s3, nodes=len(steps)).rest())
    for node, waits in enumerate(steps):
        own = [f"{second} {part}" for part, second in enumerate(itertools.accumulate(waits))]
        assert [each.text for each in lines if each.rank == node] == own
    seconds = [int(each.text.split()[0]) for each in lines]
    assert seconds == sorted(seconds)


def test_few_parts_of_many_nodes_are_read_at_once() -> None:
    results = fake_results()
    list(RunLog(results, "r1", nodes=64).new_lines())
    assert [each.kwargs["node"] for each in results.log_parts.call_args_list] == list(range(64))
    assert {each.kwargs["at_once"] for each in results.log_parts.call_args_list} == {2}
