"""What people see of an operation, from its events."""

import json
import re
from unittest import mock

import pytest

from sandbox.engine.display.diff import DiffDisplay
from sandbox.engine.display.event_log import EventLog, EventRecorder, FileLog
from sandbox.engine.display.markup import render
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.preview_json import PreviewJson
from sandbox.engine.display.progress import ProgressDisplay
from sandbox.engine.display.steps import is_internal, short_type
from sandbox.engine.display.summary import duration_text, summary_text

ROOT = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
A = "urn:pulumi:dev::p::k:index:T::a"
PROVIDER = "urn:pulumi:dev::p::pulumi:providers:k::default"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def state(urn, inputs=None, outputs=None, **more):
    kind = urn.split("::")[2]
    known = {"type": kind, "urn": urn, "id": more.pop("id", ""), "parent": "" if urn == ROOT else ROOT}
    known |= {"inputs": inputs or {}, "outputs": outputs or {}, "provider": ""}
    return known | ({"custom": True} if urn != ROOT else {}) | more


def step(op, urn, old=None, new=None, **more):
    kind = urn.split("::")[2]
    known = {"op": op, "urn": urn, "type": kind, "old": old, "new": new, "detailedDiff": None, "provider": ""}
    return {"metadata": known | {"logical": True} | more}


def before(*args, **more):
    return {"resourcePreEvent": step(*args, **more)}


def after(*args, **more):
    return {"resOutputsEvent": step(*args, **more)}


def error(message, urn=""):
    content = {"prefix": "<{%fg 1%}>error: <{%reset%}>", "message": f"{message}\n", "severity": "error"}
    return {"diagnosticEvent": content | ({"urn": urn} if urn else {})}


def summary(preview=False, **changes):
    content = {"isPreview": preview, "durationSeconds": 61, "resourceChanges": changes}
    return {"summaryEvent": content}


PRELUDE, END = {"preludeEvent": {"config": {"p:k": "v"}}}, {"cancelEvent": {}}


def progress(events, *, preview=False, **options):
    lines = []
    display = ProgressDisplay(
        lines.append, DisplayOptions(**options), preview=preview, root_urn=ROOT, clock=lambda: 0.0
    )
    for event in events:
        if not is_internal(event):
            display.emit(event)
    return "\n".join(lines)


def diff(events, *, preview=False, **options):
    out, err = [], []
    known = DisplayOptions(replacements_in_one=True, **options)
    display = DiffDisplay(out.append, err.append, known, preview=preview)
    for event in events:
        display.emit(event)
    return "".join(out), "".join(err)


def test_an_update_from_beginning_to_end():
    old = state(A, {"v": 1, "gone": 1}, {"v": 1}, id="a-1")
    new = state(A, {"v": 2, "more": 1})
    root = state(ROOT, outputs={"id": "a-1", "token": SECRET})
    shown = progress(
        [
            PRELUDE,
            before("same", ROOT, state(ROOT), state(ROOT)),
            before("same", PROVIDER, state(PROVIDER), state(PROVIDER)),
            before("update", A, old, new),
            after("update", A, old, new),
            after("same", ROOT, state(ROOT), root),
            summary(update=1, same=1),
            END,
        ]
    )
    assert shown == (
        "\n"
        " ~  k:index:T a updating (0s) [diff: +more-gone~v]\n"
        " ~  k:index:T a updated (0.00s) [diff: +more-gone~v]\n"
        "    pulumi:pulumi:Stack p-dev  \n"
        "Outputs:\n"
        '  + id   : "a-1"\n'
        "  + token: [secret]\n"
        "\n"
        "Resources:\n"
        "    ~ 1 updated\n"
        "    1 unchanged\n"
        "\n"
        "Duration: 1m1s\n"
    )


def test_a_failure_is_told_at_once_and_at_the_end():
    new = state(A, {"v": 1})
    shown = progress(
        [
            PRELUDE,
            before("create", ROOT, None, state(ROOT)),
            before("create", A, None, new),
            error("create of a failed", A),
            {"resOpFailedEvent": step("create", A, None, new)},
            error("update failed"),
            summary(create=1),
            END,
        ]
    )
    assert " +  k:index:T a **creating failed** error: create of a failed\n" in shown
    assert "\n  k:index:T (a):\n    error: create of a failed\n\n" in shown
    assert "  pulumi:pulumi:Stack (p-dev):\n    error: update failed\n" in shown
    assert "    + 1 created\n    2 errored\n" in shown


def test_what_did_not_end_is_shown_as_interrupted():
    shown = progress([PRELUDE, before("create", A, None, state(A)), summary(), END])
    assert " +  k:index:T a creating (interrupted) " in shown


def test_a_plan_speaks_of_what_would_be():
    old = state(A, {"v": 1}, id="a-1")
    shown = progress(
        [
            PRELUDE,
            before("create-replacement", A, old, state(A, {"v": 2}), logical=False),
            before("replace", A, old, state(A, {"v": 2})),
            summary(preview=True, replace=1, create=2),
            END,
        ],
        preview=True,
    )
    assert " ++ k:index:T a create replacement [diff: ~v]\n" in shown
    assert " +- k:index:T a replace [diff: ~v]\n" in shown
    assert "    + 2 to create\n    +-1 to replace\n    3 changes\n" in shown
    assert "Duration" not in shown


def test_default_providers_are_the_engines_own_business():
    assert is_internal(before("create", PROVIDER, None, state(PROVIDER)))
    assert not is_internal(before("create", PROVIDER.replace("default", "mine"), None, state(A)))
    assert not is_internal(PRELUDE)


def test_unchanged_resources_are_shown_on_demand():
    events = [PRELUDE, before("same", A, state(A), state(A)), after("same", A, state(A), state(A)), END]
    assert "k:index:T" not in progress(events)
    assert "    k:index:T a  " in progress(events, show_sames=True)


def test_a_changed_protection_is_worth_a_line():
    shown = progress([PRELUDE, before("same", A, state(A), state(A, protect=True)), END])
    assert "    k:index:T a  [diff: ~protect]" in shown


def test_colours_are_those_of_a_terminal():
    shown = progress([PRELUDE, before("create", A, None, state(A)), END], coloured=True)
    assert "\x1b[1m\x1b[38;5;2m+ \x1b[0m k:index:T a" in shown
    assert render("<{%fg 1%}>x<{%reset%}>", coloured=False) == "x"


def test_debug_messages_are_shown_on_demand():
    event = {"diagnosticEvent": {"prefix": "debug: ", "message": "m\n", "severity": "debug", "urn": A}}
    assert "debug: m" not in progress([PRELUDE, event, END])
    assert "debug: m" in progress([PRELUDE, event, END], debug=True)


def test_output_of_a_program_is_kept_together():
    lines = [
        {"diagnosticEvent": {"urn": ROOT, "message": f"{n}\n", "severity": "info", "streamID": 1}}
        for n in range(2)
    ]
    shown = progress([PRELUDE, *lines, END])
    assert "Diagnostics:\n  pulumi:pulumi:Stack (p-dev):\n    0\n    1\n" in shown


def test_diff_shows_every_kind_of_change():
    old = {"n": 1, "t": "x", "list": [1, {"a": 1}], "map": {"k": 1, "same": 1}, "gone": True, "s": SECRET}
    new = {"n": 2, "t": "x", "list": [1, {"a": 2}, "z"], "map": {"k": "1", "same": 1}, "u": UNKNOWN, "s": "p"}
    out, _ = diff([before("update", A, state(A, old, id="a-1"), state(A, new))], preview=True)
    assert out == (
        "~ k:index:T: (update)\n"
        "    [id=a-1]\n"
        f"    [urn={A}]\n"
        "  - gone: true\n"
        "  ~ list: [\n"
        "        [0]: 1\n"
        "      ~ [1]: {\n"
        "              ~ a: 1 => 2\n"
        "            }\n"
        '      + [2]: "z"\n'
        "    ]\n"
        "  ~ map : {\n"
        '      ~ k   : 1 => "1"\n'
        "        same: 1\n"
        "    }\n"
        "  ~ n   : 1 => 2\n"
        '  ~ s   : [secret] => "p"\n'
        '    t   : "x"\n'
        "  + u   : [unknown]\n"
    )


def test_diff_limits_itself_to_what_the_provider_names():
    out, _ = diff([before("update", A, state(A, {"a": 1, "b": 1}), state(A, {"a": 2, "b": 2}), diffs=["b"])])
    assert "b: 1 => 2" in out
    assert "a: 1" not in out


def test_diff_hides_the_single_steps_of_a_replacement():
    out, _ = diff([before("create-replacement", A, state(A), state(A), logical=False)])
    assert out == ""


def test_diff_sends_messages_to_stderr_and_indents_children():
    child = state(A, {"v": 1})
    events = [
        before("create", ROOT, None, state(ROOT)),
        before("create", A, None, child),
        error("broken", A),
    ]
    out, err = diff(events, preview=True)
    assert err == "error: broken\n"
    assert f"+ pulumi:pulumi:Stack: (create)\n    [urn={ROOT}]\n    + k:index:T: (create)\n" in out


def test_diff_marks_protection():
    out, _ = diff([before("delete", A, state(A, {"v": 1}, id="a-1", protect=True))])
    assert "- k:index:T: (delete) 🔒\n" in out


def test_the_plan_as_json():
    written = []
    display = PreviewJson(written.append, DisplayOptions(replacements_in_one=True), lambda: 7)
    events = [
        PRELUDE,
        before("same", ROOT, state(ROOT), state(ROOT)),
        before("same", A, state(A), state(A)),
        before("create", A, None, state(A, {"s": SECRET})),
        error("e", A),
        summary(preview=True, create=1),
        END,
    ]
    for event in events:
        display.emit(event)
    plan = json.loads(written[0])
    assert [s["op"] for s in plan["steps"]] == ["same", "create"]
    assert plan["steps"][1]["newState"]["inputs"] == {"s": "[secret]"}
    assert plan["diagnostics"] == [{"urn": A, "message": "error: e\n", "severity": "error"}]
    assert (plan["config"], plan["duration"], plan["changeSummary"]) == ({"p:k": "v"}, 7, {"create": 1})


def test_the_event_log_numbers_events(tmp_path):
    recorder = EventRecorder(FileLog(tmp_path / "log"), coloured=False)
    recorder.emit(PRELUDE)
    recorder.emit(error("e"))
    recorder.close()
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (first["sequence"], second["sequence"]) == (0, 1)
    assert first["preludeEvent"] == PRELUDE["preludeEvent"]
    assert second["diagnosticEvent"]["prefix"] == "error: "
    assert second["diagnosticEvent"]["color"] == "never"


def test_closing_the_recorder_waits_for_the_log():
    log = mock.create_autospec(EventLog, instance=True)
    EventRecorder(log).close()
    log.close.assert_called_once_with()


@pytest.mark.parametrize(
    ("urn", "shown"),
    [
        ("urn:pulumi:d::p::aws:s3/bucket:Bucket::b", "aws:s3:Bucket"),
        ("urn:pulumi:d::p::c:index:C$aws:ec2/instance:Instance::i", "aws:ec2:Instance"),
        ("urn:pulumi:d::p::k:index:T::a", "k:index:T"),
        ("urn:pulumi:d::p::k:index:T::a::b", "k:index:T"),
    ],
)
def test_types_are_shown_short(urn, shown):
    assert short_type(urn) == shown


@pytest.mark.parametrize(("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m0s"), (3661, "1h1m1s")])
def test_durations(seconds, text):
    assert duration_text(seconds) == text


def test_a_summary_of_nothing():
    assert re.fullmatch(r"Resources:\n", render(summary_text({"isPreview": True}, 0), coloured=False))
