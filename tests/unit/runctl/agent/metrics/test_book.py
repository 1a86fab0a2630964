from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.metrics.book import MetricsBook
from runctl_auto.agent.metrics.document import MOST_SERIES, Source, read_document
from runctl_auto.agent.metrics.machine_use import GpuNow, MachineUse
from runctl_auto.agent.metrics.record import Record
from runctl_auto.agent.untrusted import UnreadableError

BEGAN = 1_000_000.0


def book() -> MetricsBook:
    return MetricsBook("r1", 0, BEGAN)


def add(to: MetricsBook, step: float, source: str = Source.OUTPUT, **values: float) -> None:
    to.add(source, Record(values, counter=step), BEGAN + step)


def names(of: MetricsBook) -> list[str]:
    return [each["name"] for each in read_document(of.document(BEGAN), "r1")["training"]]


def test_more_names_than_are_kept_are_counted() -> None:
    found = book()
    for step in (1, 2):
        add(found, step, **{f"m{number}": 1.0 for number in range(MOST_SERIES + 5)})
    document = read_document(found.document(BEGAN), "r1")
    assert len(document["training"]) == MOST_SERIES
    assert document["left_out"] == 5


def test_settings_that_were_printed_once_make_room() -> None:
    found = book()
    found.add(Source.OUTPUT, Record({f"setting{number}": 1.0 for number in range(MOST_SERIES)}), BEGAN)
    for step in (1, 2):
        add(found, step, loss=1.0)
    assert "loss" in names(found)
    assert "setting0" not in names(found)


def test_the_largest_document_can_be_stored_and_read() -> None:
    found = book()
    gpus = tuple(GpuNow(0.123, 10**11, 10**11, 71.25, 301.127) for _ in range(16))
    for number in range(1500):
        at = BEGAN + 60.1 * number
        use = MachineUse(
            at, 0.123, 10**12, 10**12, 10**13, 10**13, 10**14, 10**14, (("disk_read", 1e9),), gpus
        )
        found.add_machine(use)
        values = {f"{'x' * 95}{name:>5}": -1.2345678e-101 for name in range(MOST_SERIES)}
        found.add(Source.OUTPUT, Record(values, counter=number * 1001.5), at)
    content = found.document(BEGAN)
    assert len(content) <= MOST_METRICS_BYTES
    document = read_document(content, "r1")
    assert len(document["training"]) == MOST_SERIES
    assert {each["points"] for each in document["training"]} == {1500}
    assert len(document["machine"]) == 3 + 1 + 64
    assert len(json.dumps(found.summary())) < 20_000


def test_a_document_that_is_none_is_not_continued() -> None:
    for content in (b"", b"{}", book().document(BEGAN).replace(b'"r1"', b'"r2"')):
        with pytest.raises(UnreadableError):
            book().continue_from(content)


def test_a_first_value_without_a_step_does_not_decide() -> None:
    found = book()
    found.add(Source.OUTPUT, Record({"loss": 9.0}), BEGAN)
    add(found, 1, loss=1.0)
    add(found, 2, loss=2.0)
    (loss,) = read_document(found.document(BEGAN), "r1")["training"]
    assert (loss["axis"], loss["steps"], loss["values"]) == ("step", [1, 2], [1, 2])


RECORDS = st.builds(
    Record,
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.floats(), min_size=1, max_size=4),
    counter=st.none() | st.floats() | st.integers(0, 50),
    total=st.none() | st.floats() | st.integers(0, 50),
    epoch=st.none() | st.floats() | st.integers(0, 5),
    clock=st.sampled_from(["step", "bar epoch"]),
    at=st.none() | st.floats(0, 1e10),
)


@example([("output", Record({"a": 0.0}, counter=0.0, total=0.0, epoch=float("nan"), clock="step"))])
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([Source.OUTPUT, Source.CSV, Source.FILE]), RECORDS), max_size=30))
def test_whatever_is_recorded_can_be_stored_read_and_continued(told: list[tuple[str, Record]]) -> None:
    found = book()
    for source, record in told:
        found.add(source, record, BEGAN)
    content = found.document(BEGAN)
    document = read_document(content, "r1")
    for series in document["training"]:
        assert series["steps"] == sorted(set(series["steps"]))
    later = book()
    later.continue_from(content)
    assert read_document(later.document(BEGAN), "r1") == document
    json.dumps(found.summary(), allow_nan=False)
