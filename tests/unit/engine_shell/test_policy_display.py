"""What people see of policy packs."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.engine.display.diff import DiffDisplay
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.progress import ProgressDisplay

ROOT = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
A = "urn:pulumi:dev::p::k:index:T::a"
B = "urn:pulumi:dev::p::k:index:T::b"
PACKS = {"rules|local|/packs/rules": "1.0"}


def about(policy: str, urn: str) -> dict[str, Any]:
    return {
        "resourceUrn": urn,
        "policyName": policy,
        "policyPackName": "rules",
        "policyPackVersion": "1.0",
    }


def violation(policy: str, level: str, urn: str = A, severity: str = "") -> dict[str, Any]:
    content = about(policy, urn) | {"enforcementLevel": level}
    content["message"] = f"<{{%reset%}}>About {policy}.\nIt is so.<{{%reset%}}>\n"
    return {"policyEvent": content | ({"severity": severity} if severity else {})}


def remediation(policy: str, before: dict[str, Any], after: dict[str, Any], urn: str = A) -> dict[str, Any]:
    return {"policyRemediationEvent": about(policy, urn) | {"before": before, "after": after}}


def summary(packs: dict[str, str] = PACKS, **changes: int) -> dict[str, Any]:
    return {"summaryEvent": {"isPreview": True, "resourceChanges": changes, "PolicyPacks": packs}}


def progress(*events: dict[str, Any], **options: Any) -> list[str]:
    lines: list[str] = []
    display = ProgressDisplay(
        lines.append, DisplayOptions(**options), preview=True, root_urn=ROOT, clock=lambda: 0.0
    )
    for event in (*events, {"cancelEvent": {}}):
        display.emit(event)
    return "\n".join(lines).split("\n")


def diff(*events: dict[str, Any]) -> str:
    out: list[str] = []
    display = DiffDisplay(out.append, out.append, DisplayOptions(), preview=True)
    for event in events:
        display.emit(event)
    return "".join(out)


def test_violations_stand_below_their_pack_the_worst_first() -> None:
    lines = progress(
        violation("soft", "advisory"),
        violation("hard", "mandatory", B),
        violation("hard", "mandatory", A),
        violation("urgent", "advisory", severity="high"),
        summary(create=1),
    )
    start = lines.index("Policies:")
    items = [line.strip() for line in lines[start:] if line.startswith(("    ❌", "        - "))]
    assert items == [
        "❌ rules@v1.0 (local: /packs/rules)",
        "- [mandatory]  hard  (k:index:T: a)",
        "- [mandatory]  hard  (k:index:T: b)",
        "- [advisory] [severity: high]  urgent  (k:index:T: a)",
        "- [advisory]  soft  (k:index:T: a)",
    ]
    assert lines[start + 3 : start + 5] == ["          About hard.", "          It is so."]


def test_a_mandatory_violation_takes_the_place_of_the_summary() -> None:
    assert "Resources:" not in progress(violation("hard", "mandatory"), summary(create=1))
    assert "Resources:" in progress(violation("soft", "advisory"), summary(create=1))


@pytest.mark.parametrize(
    ("events", "sign"),
    [((), "✅"), ((violation("s", "advisory"),), "⚠️"), ((violation("h", "mandatory"),), "❌")],
)
def test_a_pack_bears_the_sign_of_what_it_found(events: tuple[dict[str, Any], ...], sign: str) -> None:
    assert f"    {sign} rules@v1.0 (local: /packs/rules)" in progress(*events, summary())


def test_without_packs_there_is_no_section() -> None:
    assert "Policies:" not in progress(summary(packs={}, create=1))


def test_remediations_are_counted_or_shown() -> None:
    events = (
        remediation("tags", {"v": 1}, {"v": 2, "tag": "x"}),
        remediation("tags", {"gone": 1}, {}, B),
        remediation("nothing", {"v": 1}, {"v": 1}, B),
        summary(),
    )
    assert "        - [remediate]  tags  (2 resources)" in progress(*events)
    shown = progress(*events, show_policy_remediations=True)
    assert "        - [remediate]  tags  (k:index:T: a) [diff: +tag~v]" in shown
    assert "        - [remediate]  tags  (k:index:T: b) [diff: -gone]" in shown
    assert not [line for line in shown if "nothing" in line]


def test_loading_is_told_once_for_all_packs() -> None:
    load: dict[str, Any] = {"policyLoadEvent": {}}
    lines = progress(load, load, {"preludeEvent": {"config": {}}}, summary())
    assert lines[:3] == ["Loading policy packs...: starting", "Loading policy packs...: done", ""]


def test_a_violation_alone_makes_no_line_for_an_unchanged_resource() -> None:
    same = {"op": "same", "urn": A, "old": {"urn": A, "custom": True}, "new": {"urn": A, "custom": True}}
    told = progress(violation("s", "advisory"), {"resourcePreEvent": {"metadata": same}}, summary())
    assert not [line for line in told if line.startswith("    k:index:T a")]
    told = progress(remediation("t", {}, {"v": 1}), summary())
    assert [line for line in told if line.startswith("    k:index:T a")]


def test_the_diff_display_tells_as_it_happens_and_lists_the_packs() -> None:
    text = diff(
        remediation("tags", {"long": 1}, {"long": 1, "t": "x"}), violation("hard", "mandatory"), summary()
    )
    assert '    rules@v1.0 [remediate]  tags  (k:index:T: a)\n      + t   : "x"\n\n' in text
    assert "    rules@v1.0 [mandatory]  hard  (k:index:T: a)About hard.\nIt is so.\n" in text
    assert text.endswith(
        "\nPolicy Packs run:\n    Name                      Version\n    rules|local|/packs/rules  1.0\n"
    )
