"""The URNs that a person may have meant by one that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 3


def resource_not_found(urn: str, known: Iterable[str]) -> str:
    """What to say of a URN that no resource has."""
    lines = [f'No such resource "{urn}" exists in the current state']
    similar = similar_urns(urn, known)
    if similar:
        lines += ["Did you mean:", *(f"  {candidate}" for candidate in similar)]
    lines.append(
        "To list the resource URNs in the stack, run `pulumi stack --show-urns`; to inspect the full state, "
        "run `pulumi stack export`."
    )
    return "\n".join(lines)


def similar_urns(urn: str, known: Iterable[str]) -> list[str]:
    """At most three of `known`, nearest first, that differ in at most a quarter of the URN's length."""
    limit = max(2, len(urn) // 4)
    distances = [(edit_distance(urn.lower(), other.lower()), other) for other in dict.fromkeys(known)]
    near = sorted((pair for pair in distances if pair[0] <= limit), key=lambda pair: pair[0])
    return [other for _, other in near[:_MOST]]


def edit_distance(left: str, right: str) -> int:
    """How many letters must be added, removed or replaced to make one text of the other."""
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (letter != other))
    return row[-1]
