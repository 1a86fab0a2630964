from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.observe.metrics.line_chart import Curve, line_chart
from runctl_auto.observe.metrics.series import Series

NAMESPACE = "{http://www.w3.org/2000/svg}"


def curve(*points: tuple[float, float], title: str = "loss") -> Curve:
    steps, values = tuple(x for x, _ in points), tuple(y for _, y in points)
    return Curve(title, Series("loss", "step", "output", "", len(points), steps, values, steps))


def drawn(text: str, tag: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(text).findall(f"{NAMESPACE}{tag}")


def lines(text: str) -> list[str]:
    return [each.attrib["d"] for each in drawn(text, "path") if each.get("fill") == "none"]


def test_a_curve_goes_from_corner_to_corner() -> None:
    (line,) = lines(line_chart([curve((0, 0), (10, 5))], width=720, height=360))
    assert line == "M64.0 320.0L704.0 24.0"


def test_gaps_for_what_is_no_number() -> None:
    (line,) = lines(line_chart([curve((0, 1), (1, math.nan), (2, 3), (3, 4))]))
    assert line.count("M") == 2
    (line,) = lines(line_chart([curve((0, 1), (1, -1), (2, 100))], logarithmic=True))
    assert line.count("M") == 2


def test_one_point_is_a_dot_and_none_is_said() -> None:
    assert len(drawn(line_chart([curve((1, 1))]), "circle")) == 1
    assert ">no points<" in line_chart([curve()])
    assert ">no points<" in line_chart([curve((1, math.inf))])


def test_every_curve_has_a_colour_and_a_title() -> None:
    text = line_chart([curve((0, 0), (1, 1), title="a"), curve((0, 1), (1, 0), title="b")])
    assert len({each.attrib["stroke"] for each in drawn(text, "path") if each.get("fill") == "none"}) == 2
    assert [each.text for each in drawn(text, "text")][-2:] == ["a", "b"]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=8), st.text(), st.booleans())
def test_whatever_the_points_and_names_are(
    points: list[tuple[float, float]], title: str, logarithmic: bool
) -> None:
    finite = [(x, y) for x, y in points if math.isfinite(x) and abs(x) < 2**53]
    text = line_chart([curve(*finite, title=title)], logarithmic=logarithmic)
    ElementTree.fromstring(text)
    assert not re.search(r"nan|inf", "".join(lines(text)))
    assert "<script" not in text
