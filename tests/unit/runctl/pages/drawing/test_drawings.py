"""Drawings are well-formed, whatever they are of."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from support.jobs_at_a_glance import NOW, curves, few_jobs

from runctl_auto.cost.chart import DailyCosts
from runctl_auto.cost.chart import Series as Costs
from runctl_auto.pages.drawing.curve import HEIGHT, WIDTH, curve
from runctl_auto.pages.drawing.days import MOST_COLOURS, days
from runctl_auto.pages.drawing.machines import lanes
from runctl_auto.pages.drawing.svg import Svg, element, number
from runctl_auto.pages.looks.series import Series, thinned
from runctl_auto.pages.looks.timeline import timeline_of


def parsed(svg: Svg) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_values_are_escaped() -> None:
    text = "\"'<&>"
    found = parsed(element("text", text=text, aria_label=text, class_="a"))
    assert (found.text, found.get("aria-label"), found.get("class")) == (text, text, "a")


def test_numbers_are_short() -> None:
    assert [number(each) for each in (1.0, 0.5, 1 / 3, 100.0, 0.0, -0.001)] == [
        "1",
        "0.5",
        "0.33",
        "100",
        "0",
        "-0",
    ]


def test_a_curve_and_its_labels() -> None:
    loss, _, gpu, _ = curves()
    found = curve(loss)
    assert found is not None
    assert (found.begin, found.end, found.rows) == ("step 0", "step 3,990", ("3", "2", "1", "0"))
    by_time = curve(gpu)
    assert by_time is not None
    assert by_time.rows == ("100", "50", "0")
    assert (by_time.begin, by_time.end) == ("30 Nov 12:16", "30 Nov 14:29")
    assert by_time.last.endswith(" %")
    assert parsed(found.svg).get("aria-label", "").startswith("loss from step 0 to step 3,990: ")


def test_one_point_is_a_line() -> None:
    found = curve(Series(name="accuracy", points=((3.0, 0.5),)))
    assert found is not None
    line = parsed(found.svg).find("polyline")
    assert line is not None
    assert line.get("points") == "0,150 1000,150"
    assert curve(Series(name="nothing", points=())) is None


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=30),
    st.lists(st.tuples(st.floats(), st.floats()), max_size=200),
    st.sampled_from(["step", "time"]),
    st.sampled_from(["", "%"]),
)
def test_whatever_was_recorded(name: str, points: list[tuple[float, float]], over: str, unit: str) -> None:
    values = thinned(sorted(points, key=lambda point: point[0]))
    found = curve(Series(name=name, points=values, over=over, unit=unit))  # type: ignore[arg-type]
    if found is None:
        return
    line = parsed(found.svg).find("polyline")
    assert line is not None
    for point in line.get("points", "").split():
        x, y = map(float, point.split(","))
        assert -1 <= x <= WIDTH + 1
        assert -1 <= y <= HEIGHT + 1


def test_days_without_costs_have_their_places() -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    groups = tuple(Costs(key=f"o{n}", usd=(1.0, 0.0, 2.0), at_least=False) for n in range(MOST_COLOURS + 3))
    costs = DailyCosts(days=tuple(date(2026, 11, 10) + timedelta(days=n) for n in range(3)), series=groups)
    found = days(costs, first, last)
    assert found is not None
    svg = parsed(found.svg)
    bars = svg.findall("rect")
    assert svg.get("viewBox") == "0 0 300 300"
    assert {bar.get("x") for bar in bars} == {"91", "111"}
    assert {bar.get("class") for bar in bars} == {f"s{n}" for n in range(1, MOST_COLOURS + 2)}
    assert found.keys[-1] == ("others", 9.0)
    assert (found.begin, found.end) == ("01 Nov", "30 Nov")
    heights = [float(bar.get("height", "0")) for bar in bars if bar.get("x") == "111"]
    assert round(sum(heights)) == round(300 * 16 / 20)
    assert days(DailyCosts(days=(), series=()), first, last) is None


def test_bars_of_machines_lie_in_their_time() -> None:
    vit = next(each for each in few_jobs() if each.summary.name == "vit-base")
    assert vit.facts is not None
    timeline = timeline_of(vit.facts)
    found = lanes(timeline)
    assert found is not None
    bars = [parsed(each.svg).find("rect") for each in found.lanes]
    places = [(float(bar.get("x", "")), float(bar.get("width", ""))) for bar in bars if bar is not None]
    assert places[0][0] == 0
    assert round(places[-1][0] + places[-1][1]) == 1000
    assert all(first[0] + first[1] <= second[0] for first, second in pairwise(places))
    assert (found.begin, found.end) == ("05:18", f"{NOW:%H:%M}")
    assert found.marks is not None
    assert len(parsed(found.marks)) == 2
    assert [each.begins_run for each in found.lanes] == [True, False, False]
