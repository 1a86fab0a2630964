"""Converts between a security group's rules as inputs and the service's permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.aws.provider.schema import Change, Field, Kind

Rule = dict[str, Any]
Flat = tuple[str, int, int, str, str, str]
_ALL = "-1"


def _field(kind: Kind = Kind.STRING, **more: Any) -> Field:
    return Field(kind, Change.UPDATE, **more)


RULE_FIELDS: Mapping[str, Field] = {
    "cidrBlocks": _field(Kind.LIST),
    "description": _field(),
    "fromPort": _field(Kind.INTEGER, required=True),
    "ipv6CidrBlocks": _field(Kind.LIST),
    "prefixListIds": _field(Kind.LIST),
    "protocol": _field(required=True),
    "securityGroups": _field(Kind.SET),
    "self": _field(Kind.BOOLEAN, default=False),
    "toPort": _field(Kind.INTEGER, required=True),
}
# Input of a rule, list in a permission, key in an entry of that list.
_SOURCES = (
    ("cidrBlocks", "IpRanges", "CidrIp"),
    ("ipv6CidrBlocks", "Ipv6Ranges", "CidrIpv6"),
    ("prefixListIds", "PrefixListIds", "PrefixListId"),
    ("securityGroups", "UserIdGroupPairs", "GroupId"),
)


def permissions(group: str, rules: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rules in the service's format."""
    return [_permission(group, rule) for rule in rules]


def rules(
    group: str, held: Iterable[Mapping[str, Any]], stated: Iterable[Mapping[str, Any]] | None
) -> list[Rule]:
    """The service's rules; as specified in the program when they are equivalent."""
    found = [rule for permission in held for rule in _rules_of(group, permission)]
    if stated is not None and flat(group, permissions(group, stated)) == flat(
        group, permissions(group, found)
    ):
        return [dict(rule) for rule in stated]
    return found


def flat(group: str, held: Iterable[Mapping[str, Any]]) -> frozenset[Flat]:
    """Permissions split into single ones, so that sets of them can be compared."""
    del group
    return frozenset(
        (
            permission["IpProtocol"],
            permission.get("FromPort", 0),
            permission.get("ToPort", 0),
            listing,
            entry[key],
            entry.get("Description", ""),
        )
        for permission in held
        for _, listing, key in _SOURCES
        for entry in permission.get(listing, ())
    )


def from_flat(single: Iterable[Flat]) -> list[dict[str, Any]]:
    """Single permissions in the service's format."""
    keys = {listing: key for _, listing, key in _SOURCES}
    return [
        {
            "IpProtocol": protocol,
            "FromPort": low,
            "ToPort": high,
            listing: [{keys[listing]: source, **({"Description": text} if text else {})}],
        }
        for protocol, low, high, listing, source, text in sorted(single)
    ]


def _permission(group: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    description = rule.get("description") or ""
    everything = str(rule["protocol"]) in (_ALL, "all")
    permission: dict[str, Any] = {
        "IpProtocol": _ALL if everything else str(rule["protocol"]),
        "FromPort": 0 if everything else rule["fromPort"],
        "ToPort": 0 if everything else rule["toPort"],
    }
    for name, listing, key in _SOURCES:
        sources = list(rule.get(name) or ())
        if name == "securityGroups" and rule.get("self"):
            sources.append(group)
        if sources:
            text = {"Description": description} if description else {}
            permission[listing] = [{key: source, **text} for source in sources]
    return permission


def _rules_of(group: str, permission: Mapping[str, Any]) -> list[Rule]:
    """The rules of one permission, one for each description in it."""
    by_description: dict[str, Rule] = {}
    everything = permission["IpProtocol"] == _ALL
    for name, listing, key in _SOURCES:
        for entry in permission.get(listing, ()):
            text = entry.get("Description", "")
            rule = by_description.setdefault(
                text,
                {
                    "description": text,
                    "fromPort": 0 if everything else permission.get("FromPort", 0),
                    "protocol": permission["IpProtocol"],
                    "self": False,
                    "toPort": 0 if everything else permission.get("ToPort", 0),
                },
            )
            if name == "securityGroups" and entry[key] == group:
                rule["self"] = True
            else:
                rule.setdefault(name, []).append(entry[key])
    return list(by_description.values())
