"""Metrics of runs as tables and lines of text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from runctl_auto.agent.metrics.document import Unit, from_value
from runctl_auto.cli.views.sparkline import number_text, sparkline
from runctl_auto.cli.views.table import Column
from runctl_auto.local.printable import printable, shortened
from runctl_auto.reports.figures import short_age, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runctl_auto.agent.status_format import MachineUseJson, MetricsSummaryJson
    from runctl_auto.jobs.run_metrics import MetricsOfRun
    from runctl_auto.observe.metrics.series import Series
    from runctl_auto.operations.compare import Comparison

TRAINING = (
    Column("METRIC"),
    Column("LAST", right=True),
    Column("AT", right=True, spare=1),
    Column("LEAST", right=True, spare=2),
    Column("MOST", right=True, spare=3),
    Column("POINTS", right=True, spare=5),
    Column("CURVE", spare=4),
)
MACHINE = (
    Column("MACHINE"),
    Column("LAST", right=True),
    Column("LEAST", right=True, spare=2),
    Column("MOST", right=True, spare=1),
    Column("CURVE", spare=4),
)
_MOST_NAME = 40


def training_row(series: Series) -> tuple[str, ...]:
    return (
        shortened(printable(series.name), _MOST_NAME),
        number_text(series.last),
        f"{series.axis} {number_text(series.last_step)}",
        number_text(series.least),
        number_text(series.most),
        str(series.points),
        sparkline(series.values),
    )


def machine_row(series: Series) -> tuple[str, ...]:
    last, least, most = (measure_text(each, series.unit) for each in (series.last, series.least, series.most))
    return shortened(printable(series.name), _MOST_NAME), last, least, most, sparkline(series.values)


def measure_text(value: float | None, unit: str) -> str:
    """A measure of a machine: ``93 %``, ``1.2 GB``, ``3.4 MB/s``, ``71 °C``, ``301 W``."""
    if value is None or not abs(value) < 1e18:
        return number_text(value)
    if unit == Unit.SHARE:
        return f"{value * 100:.0f} %"
    if unit in (Unit.BYTES, Unit.BYTES_A_SECOND):
        return size_text(max(0, int(value))) + ("/s" if unit == Unit.BYTES_A_SECOND else "")
    return number_text(value) + {Unit.CELSIUS: " °C", Unit.WATT: " W"}.get(unit, "")


def notes(found: MetricsOfRun) -> Iterator[str]:
    """What is not in the tables."""
    metrics = found.metrics
    if metrics is None:
        yield f"run {found.name} has stored no metrics"
        return
    if metrics.problem is not None:
        yield printable(metrics.problem)
    if found.is_kept:
        yield f"job '{found.job}' is gone: these are the metrics that `runctl down` kept"
    thinned = [each for each in metrics.training if each.is_thinned]
    if thinned:
        yield f"{len(thinned)} of {len(metrics.training)} metrics have more points than are kept"
    if metrics.left_out:
        yield f"{metrics.left_out} more metrics are not kept: the first {len(metrics.training)} are"


def csv_text(series: Sequence[Series]) -> str:
    """All points, a line each, below the names of the columns."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("metric", "axis", "step", "seconds", "value"))
    for each in series:
        name = _no_formula(printable(each.name))
        for step, seconds, value in zip(each.steps, each.seconds, each.values, strict=True):
            writer.writerow((name, each.axis, repr(step), repr(seconds), repr(value)))
    return out.getvalue().rstrip("\n")


def summary_text(summary: Mapping[str, object] | MetricsSummaryJson | None, *, width: int = 12) -> str | None:
    """The first metric of a status, in a few words; None without one."""
    told = list(_training_texts(summary, width))
    return told[0] if told else None


def summary_lines(summary: Mapping[str, object] | MetricsSummaryJson | None) -> Iterator[tuple[str, str]]:
    """Subject and text of what a status tells of its metrics: the first three, and the machine."""
    for text in list(_training_texts(summary, 24))[:3]:
        yield "metric", text
    machine = summary.get("machine") if summary else None
    if machine:
        text = ", ".join(_machine_texts(machine))  # type: ignore[arg-type]
        if text:
            yield "in use", text


def comparison_rows(found: Comparison) -> tuple[list[Column], list[tuple[str, ...]]]:
    """Columns and rows: what is known of each run, then each metric: its last value, and its range."""
    columns = [Column(""), *(Column(shortened(each.name, 32)) for each in found.runs)]
    rows: list[tuple[str, ...]] = [
        ("phase", *(each.status.phase if each.status else "-" for each in found.runs)),
        ("training", *(_training_time(each) for each in found.runs)),
    ]
    for metric in found.metrics:
        rows.append((shortened(printable(metric.name), _MOST_NAME), *(_last(each) for each in metric.series)))
        rows.append(("  least, most", *(_range(each) for each in metric.series)))
    return columns, rows


def _training_time(run: MetricsOfRun) -> str:
    from runctl_auto.operations.compare import seconds_of

    seconds = seconds_of(run)
    return "-" if seconds is None else short_age(seconds)


def _last(series: Series | None) -> str:
    if series is None:
        return "-"
    return f"{number_text(series.last)} at {series.axis} {number_text(series.last_step)}"


def _range(series: Series | None) -> str:
    return "-" if series is None else f"{number_text(series.least)}, {number_text(series.most)}"


def _training_texts(summary: Mapping[str, object] | MetricsSummaryJson | None, width: int) -> Iterator[str]:
    training = summary.get("training") if summary else None
    for each in training or ():  # type: ignore[attr-defined]
        curve = sparkline([from_value(value) for value in each["recent"]], width)
        name = shortened(printable(each["name"]), _MOST_NAME)
        yield f"{name} {number_text(from_value(each['value']))} {curve}".rstrip()


def _machine_texts(machine: MachineUseJson) -> Iterator[str]:
    if machine["cpu"] is not None:
        yield f"CPU {machine['cpu'] * 100:.0f} %"
    for name in ("memory", "disk"):
        used, total = machine[name], machine[f"{name}_total"]  # type: ignore[literal-required]
        if used is not None and total:
            yield f"{name} {size_text(used)} of {size_text(total)}"
    uses = [each["use"] for each in machine["gpus"] if each["use"] is not None]
    if uses:
        several = f" of {len(uses)}" if len(uses) > 1 else ""
        yield f"GPU{several} {sum(uses) / len(uses) * 100:.0f} %"


def _no_formula(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
