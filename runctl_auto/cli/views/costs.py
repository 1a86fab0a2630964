"""The cost box of a plan."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.cost.amount import Amount
from runctl_auto.cost.estimate import Estimate, Part
from runctl_auto.stack.prices import PriceSource

_LABEL = 26


def cost_lines(estimate: Estimate, before: Estimate | None) -> Iterator[str]:
    """The cost of a job as lines: an hour by part, until max_duration, and after the end."""
    was = "" if before is None else f"  (now {_usd(before.hour)})"
    yield f"{'cost in USD':<{_LABEL}}  an hour"
    for each in estimate.parts:
        yield f"  {_part(each):<{_LABEL - 2}}  {_usd(each.hour):>9}"
    if len(estimate.parts) > 1 or was:
        yield f"  {'in all':<{_LABEL - 2}}  {_usd(estimate.hour):>9}{was}"
    if estimate.nodes:  # none for a volume or snapshot
        yield from _until_the_end(estimate)
    if any(each.lasts == "kept" for each in estimate.parts):
        kept = "kept after the run" if estimate.nodes else "until it is removed"
        yield f"  {kept:<{_LABEL - 2}}  {_usd(estimate.kept_month):>9} a month"
    sources = "; ".join(source_text(each) for each in estimate.sources)
    if sources:
        yield f"  prices: {sources}"


def _until_the_end(estimate: Estimate) -> Iterator[str]:
    worst, expected = estimate.worst_case, estimate.expected
    limits = []
    if estimate.max_price is not None:
        limits.append(f"max_price {estimate.max_price:g} an hour")
    if estimate.budget is not None:
        limits.append(f"budget {estimate.budget:g}")
    allowed = f"; {', '.join(limits)}" if limits else ""
    if worst is None:
        end = "at the budget" if estimate.budget is not None else "none: no max_duration, no budget"
        yield f"  {'limit':<{_LABEL - 2}}  {end}{allowed}"
    else:
        yield f"  {f'at most, in {estimate.hours:g} h':<{_LABEL - 2}}  {_usd(worst):>9}{allowed}"
    if expected is not None and estimate.average_price is not None:
        yield f"  {'at the average spot price':<{_LABEL - 2}}  {_usd(expected):>8}"


def source_text(source: PriceSource) -> str:
    """``spot-history of 2026-01-31``."""
    return f"{source.name} of {source.date}"


def _part(part: Part) -> str:
    if part.unit == "GB":
        return f"{part.name}, {part.quantity:g} GB"
    return part.name if part.quantity == 1 else f"{part.quantity:g} × {part.name}"


def _usd(amount: Amount) -> str:
    """An unknown part is never shown as free: ``unknown``, or ``≥ 0.0284``."""
    if amount.complete:
        return f"{amount.usd:.4f}"
    return f"≥ {amount.usd:.4f}" if amount.usd else "unknown"
