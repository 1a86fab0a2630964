"""Values in unit files."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.hosts.guest.unit_values import (
    INFINITY,
    ValueRefusedError,
    assignments,
    calendar_time,
    command,
    environment_file,
    time_span,
    truth,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("100ms", 0.1), ("5min 20s", 320), ("2h30m", 9000), ("1d", 86400), ("infinity", INFINITY)],
)
def test_time_spans(text, seconds):
    assert time_span(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "soon", "5 parsecs", "-1", "1,5s"])
def test_what_is_no_time_span_is_refused(text):
    with pytest.raises(ValueRefusedError):
        time_span(text)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
@settings(max_examples=50)
def test_parts_of_a_time_span_add_up(hours, minutes, seconds):
    assert time_span(f"{hours}h {minutes}min {seconds}s") == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("1970-01-02 00:00:10 UTC", 86410),
        ("@1700000000", 1700000000),
        ("Thu 1970-01-01 01:00", 3600),
        ("1970-01-03", 172800),
    ],
)
def test_absolute_calendar_times(text, when):
    assert calendar_time(text) == when


@pytest.mark.parametrize("text", ["daily", "*-*-* 04:00:00", "2026-13-01 00:00:00", "tomorrow"])
def test_other_calendar_times_are_refused(text):
    with pytest.raises(ValueRefusedError):
        calendar_time(text)


def test_command_expands_as_systemd_does():
    made = command("""-/bin/echo "a b" ${X}y $WORDS $$HOME '$X'""")
    assert made.ignore_failure
    assert made.arguments({"X": "1 2", "WORDS": "p q"}) == [
        "/bin/echo",
        "a b",
        "1 2y",
        "p",
        "q",
        "$HOME",
        "1",
        "2",
    ]


def test_colon_switches_expansion_off():
    assert command(":/bin/echo $X").arguments({"X": "1"}) == ["/bin/echo", "$X"]


@pytest.mark.parametrize("text", ["", "-", "@/bin/sh sh", "/bin/a ; /bin/b", "/bin/echo 'open"])
def test_commands_that_are_refused(text):
    with pytest.raises(ValueRefusedError):
        command(text)


def test_assignments_keep_quotes_together():
    assert assignments('"A=hello world" B=2 C=') == {"A": "hello world", "B": "2", "C": ""}
    with pytest.raises(ValueRefusedError):
        assignments("no-name")


def test_environment_file():
    text = '# comment\nA=1\n B = "two words"\n;no\nnothing\nC=\'x\'\nD="a\\"b"\n'
    assert environment_file(text) == {"A": "1", "B": "two words", "C": "x", "D": 'a"b'}


def test_truth():
    assert truth("Yes") is True
    assert truth("off") is False
    with pytest.raises(ValueRefusedError):
        truth("maybe")
