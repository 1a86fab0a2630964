"""Programs of toys as data: made at random, changed at random, run with Pulumi's SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pulumi

Description = dict[str, Any]
"""A resource: `name`, `kind` (thing, group, provider, read) and what differs from the default of the rest."""

LETTERS = "abc"
OUTSIDE, FOUND = "outside-1", "found-1"
"""What is in the cloud from the beginning: something to read, something to import."""


def new_program(rng: Random, size: int) -> list[Description]:
    """A program of `size` resources."""
    made: list[Description] = []
    if rng.random() < 0.25:
        made.append({"kind": "provider", "name": "own", "region": "east"})
    for number in range(size):
        made.append(_new_resource(rng, made, f"r{number}"))
    return made


def _names(program: list[Description], kind: str) -> list[str]:
    return [d["name"] for d in program if d["kind"] == kind]


def _new_resource(rng: Random, before: list[Description], name: str) -> Description:
    things, groups = _names(before, "thing"), _names(before, "group")
    made: Description = {"kind": "thing", "name": name}
    if groups and rng.random() < 0.4:
        made["parent"] = rng.choice(groups)
    if rng.random() < 0.12:
        return {**made, "kind": "group"}
    if rng.random() < 0.05:
        return {**made, "kind": "read"}
    made |= {"value": rng.randint(0, 3), "key": rng.choice(LETTERS)}
    if rng.random() < 0.35:
        made["dbr"] = True
    if things:
        made |= _links(rng, things)
    if rng.random() < 0.04 and not any("import" in d for d in before):
        made["import"] = FOUND
    if _names(before, "provider") and rng.random() < 0.4:
        made["provider"] = "own"
    return made | _options(rng)


def _links(rng: Random, things: list[str]) -> Description:
    links: Description = {}
    if rng.random() < 0.45:
        links["ref"] = rng.choice(things)
    if rng.random() < 0.2:
        links["keyref"] = rng.choice(things)
    if rng.random() < 0.3:
        links["depends"] = rng.sample(things, rng.randint(1, min(2, len(things))))
    if rng.random() < 0.06:
        links["deleted_with"] = rng.choice(things)
    if rng.random() < 0.06:
        links["replace_with"] = [rng.choice(things)]
    return links


def _options(rng: Random) -> Description:
    chances: list[tuple[float, str, Any]] = [
        (0.12, "protect", True),
        (0.08, "ignore", ["value"]),
        (0.15, "secret", True),
        (0.05, "retain", True),
        (0.06, "replace_on", ["value"]),
        (0.05, "trigger", 1),
        (0.05, "secret_outputs", ["out"]),
        (0.05, "timeout", "5m"),
        (0.1, "delete_first", rng.random() < 0.5),
    ]
    return {name: value for chance, name, value in chances if rng.random() < chance}


def changed_program(rng: Random, program: list[Description]) -> list[Description]:
    """The program as somebody has changed it."""
    now = [dict(d) for d in program]
    for description in list(now):
        if description["kind"] == "provider":
            if rng.random() < 0.15:
                description["region"] = rng.choice(["east", "west"])
        elif rng.random() < 0.5:
            now = _change(rng, now, description)
    if rng.random() < 0.3:
        taken = {d["name"] for d in now}
        free = next(f"r{n}" for n in range(99) if f"r{n}" not in taken)
        now.append(_new_resource(rng, now, free))
    return now


def _change(rng: Random, program: list[Description], it: Description) -> list[Description]:
    chance = rng.random()
    if chance < 0.15:
        return _without(program, it)
    if it["kind"] != "thing":
        return program
    if chance < 0.35:
        it["value"] = rng.randint(0, 3)
    elif chance < 0.6:
        it["key"] = rng.choice(LETTERS)
    elif chance < 0.7:
        it["protect"] = not it.get("protect", False)
    elif chance < 0.8 and "aliases" not in it:
        _rename(program, it)
    elif chance < 0.88:
        groups = _names(program[: program.index(it)], "group")
        if groups and "aliases" not in it and not it.get("parent"):
            it["parent"] = rng.choice(groups)
            it["aliases"] = [{"no_parent": True}]
    elif chance < 0.92:
        it["trigger"] = rng.randint(1, 3)
    else:
        it.update(_options(rng))
    return program


_LISTS, _SINGLES = ("depends", "replace_with"), ("ref", "keyref", "deleted_with", "parent")


def _without(program: list[Description], gone: Description) -> list[Description]:
    kept = [d for d in program if d is not gone]
    for d in kept:
        for key in _SINGLES:
            if d.get(key) == gone["name"]:
                del d[key]
        for key in _LISTS:
            if key in d:
                d[key] = [name for name in d[key] if name != gone["name"]]
    return kept


def _rename(program: list[Description], it: Description) -> None:
    old, new = it["name"], it["name"] + "n"
    it["name"], it["aliases"] = new, [{"name": old}]
    for d in program:
        for key in _SINGLES:
            if d.get(key) == old:
                d[key] = new
        for key in _LISTS:
            if key in d:
                d[key] = [new if name == old else name for name in d[key]]


def runnable(program: list[Description], *, fails: bool = False) -> Callable[[], Awaitable[None]]:
    """The program as a function for Pulumi's inline language runtime; `fails` lets it raise at its end.

    It registers one resource after the other, so that what comes after a failure does not hang on chance."""

    class Thing(pulumi.CustomResource):
        out: pulumi.Output[str]

        def __init__(self, name: str, inputs: Any, options: Any) -> None:
            super().__init__("toy:index:Thing", name, {"out": None, **inputs}, options)

    class Toys(pulumi.ProviderResource):
        def __init__(self, name: str, region: str) -> None:
            super().__init__("toy", name, {"region": region})

    async def run() -> None:
        made: dict[str, Any] = {}
        for d in program:
            name, options = d["name"], _sdk_options(d, made)
            if d["kind"] == "group":
                made[name] = pulumi.ComponentResource("toy:index:Group", name, {}, options)
            elif d["kind"] == "provider":
                made[name] = Toys(name, d["region"])
            elif d["kind"] == "read":
                options.id = OUTSIDE
                made[name] = Thing(name, {}, options)
            else:
                made[name] = Thing(name, _inputs(d, made), options)
            await made[name].urn.future()
        things = [made[d["name"]] for d in program if d["kind"] == "thing"]
        if things:
            pulumi.export("last", things[-1].out)
            pulumi.export("first", things[0].out)
        if fails:
            raise ValueError("this program fails")

    return run


def _inputs(d: Description, made: dict[str, Any]) -> dict[str, Any]:
    value = pulumi.Output.secret(d["value"]) if d.get("secret") else d["value"]
    inputs = {"value": value, "key": d["key"]}
    if d.get("dbr"):
        inputs["dbr"] = True
    if d.get("ref") in made:
        inputs["ref"] = made[d["ref"]].out
    if d.get("keyref") in made:
        inputs["key"] = made[d["keyref"]].out
    return inputs


def _sdk_options(d: Description, made: dict[str, Any]) -> Any:
    def found(key: str) -> list[Any]:
        return [made[name] for name in d.get(key, ()) if name in made]

    return pulumi.ResourceOptions(
        parent=made.get(d.get("parent")),
        provider=made.get(d.get("provider")),
        depends_on=found("depends"),
        protect=d.get("protect"),
        ignore_changes=d.get("ignore"),
        retain_on_delete=d.get("retain"),
        replace_on_changes=d.get("replace_on"),
        replacement_trigger=d.get("trigger"),
        additional_secret_outputs=d.get("secret_outputs"),
        custom_timeouts=pulumi.CustomTimeouts(create=d["timeout"]) if "timeout" in d else None,
        delete_before_replace=d.get("delete_first"),
        deleted_with=made.get(d.get("deleted_with")),
        replace_with=found("replace_with") or None,
        aliases=[_alias(alias) for alias in d.get("aliases", ())] or None,
        import_=d.get("import"),
    )


def _alias(alias: dict[str, Any]) -> Any:
    if "name" in alias:
        return pulumi.Alias(name=alias["name"])
    return pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
