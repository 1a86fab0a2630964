"""Random histories of one stack over the cloud in memory, with refused calls and with kills.

Every provider call and every write of the checkpoint is a point before and after which the engine can be
killed; the points of an operation are numbered. A kill is played by remembering the disk and the cloud as
they are at the point, letting the operation run out, and putting both back: that is what a killed process
leaves.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

from support.engine_in_memory import Cloud, Registrar, Report, Stack
from support.state_rules import broken_rules

from sandbox.engine.deploy.goal import Alias
from sandbox.engine.model import PendingKind, Snapshot
from sandbox.engine.properties import plain

OUTSIDE = "outside-1"
"""Something in the cloud that is not the stack's: programs read it, nothing may change it."""


@dataclass(frozen=True)
class Left:
    """What a kill leaves: the checkpoint on disk and what exists in the cloud."""

    point: str
    state: Snapshot
    things: dict[str, Any]


class History:
    """One stack and a program that changes from step to step. Counts in `met` what it meets."""

    def __init__(self, rng: Random, met: Counter[str], parallel: int = 1) -> None:
        self.rng, self.met, self.parallel = rng, met, parallel
        self.cloud = Cloud()
        self.cloud.things[OUTSIDE] = {"value": 7}
        self.stack = Stack(self.cloud)
        self.region = "one"
        self.declared: list[dict[str, Any]] = [self._new(i) for i in range(rng.randint(2, 6))]
        self.left: Left | None = None
        self.retained: set[str] = set()
        self.unsure: set[str] = set()
        """Ids of things whose update was cut off: nobody knows what they are like until a refresh."""

    # The program

    def _new(self, number: int) -> dict[str, Any]:
        rng = self.rng
        before = [f"r{i}" for i in range(number)]
        return {
            "name": f"r{number}",
            "value": rng.randint(0, 2),
            "key": rng.randint(0, 1),
            "dbr": rng.random() < 0.4,
            "ref": rng.choice([None, *before]),
            "keyref": rng.choice([None, None, None, *before]),
            "protect": rng.random() < 0.15,
            "retain": rng.random() < 0.05,
            "grouped": rng.random() < 0.2,
            "own_provider": rng.random() < 0.15,
            "alias": None,
            "reads": rng.random() < 0.05,
        }

    def program(self, p: Registrar) -> None:
        """What the stack is to be now."""
        made: dict[str, Any] = {}
        group = p.group("g").urn if any(d["grouped"] for d in self.declared) else ""
        provider = ""
        if any(d["own_provider"] for d in self.declared):
            provider = p.make_provider("own", region=self.region)
        for d in self.declared:
            uses = {k: made[d[f]] for k, f in (("ref", "ref"), ("key", "keyref")) if d[f] in made}
            inputs = {"value": d["value"], "key": d["key"], "dbr": d["dbr"]}
            options: dict[str, Any] = {"protect": d["protect"], "retain_on_delete": d["retain"]}
            if d["grouped"]:
                options["parent"] = group
            if provider and d["own_provider"]:
                options["provider"] = provider
            if d["alias"]:
                options["aliases"] = (Alias(name=d["alias"]),)
            made[d["name"]] = p.thing(
                d["name"], {k: v for k, v in inputs.items() if k not in uses}, uses=uses, **options
            )
        if any(d["reads"] for d in self.declared):
            p.read("outside", OUTSIDE)

    def _change(self) -> None:
        rng = self.rng
        for d in list(self.declared):
            chance = rng.random()
            if chance < 0.2:
                d["value"] = rng.randint(0, 2)
            elif chance < 0.5:
                d["key"] += 1
            elif chance < 0.58:
                d["protect"] = not d["protect"]
            elif chance < 0.64:
                self.declared.remove(d)
            elif chance < 0.69 and not d["alias"]:
                self._rename(d)
        if rng.random() < 0.15:
            self.region = rng.choice(["one", "two"])
        if rng.random() < 0.3:
            self.declared.append(self._new(rng.randint(0, 9)))
            names = [d["name"] for d in self.declared]
            self.declared = [d for i, d in enumerate(self.declared) if d["name"] not in names[:i]]

    def _rename(self, d: dict[str, Any]) -> None:
        old, new = d["name"], d["name"] + "n"
        d["alias"], d["name"] = old, new
        for other in self.declared:
            for key in ("ref", "keyref"):
                if other[key] == old:
                    other[key] = new

    # Steps

    def step(self) -> None:
        """One operation, with what goes wrong in it; then everything is checked."""
        rng = self.rng
        self._change()
        names = [d["name"] for d in self.declared] or ["r0"]
        live = sorted(set(self.cloud.things) - {OUTSIDE}) or ["r0-1"]
        self.cloud.refuse = set()
        if rng.random() < 0.4:
            call = rng.choice(["create", "update", "delete", "read"])
            self.cloud.refuse = {(call, rng.choice(live if call == "delete" else names))}
        if rng.random() < 0.1:
            self._drift(rng.choice(live))
        self._arm_kill(rng.choice([None, None, *range(1, 25)]))
        report = self._operate()
        self._count(report)
        self._finish_kill()
        self.check()

    def _drift(self, identity: str) -> None:
        """Somebody else changes a thing, as far as that leaves the state nothing to know."""
        if identity in self.cloud.things and identity not in self.retained:
            self.cloud.things[identity] = {**self.cloud.things[identity], "value": 9}
            self.unsure.add(identity)

    def _operate(self) -> Report:
        rng = self.rng
        kind = rng.choice(["up", "up", "up", "up", "up", "destroy", "refresh"])
        options: dict[str, Any] = {
            "continue_on_error": rng.random() < 0.15,
            "parallel": self.parallel,
        }
        things = [r.urn for r in self.stack.state.resources if r.custom and not r.is_provider]
        if things and rng.random() < 0.1:
            options["targets"] = (rng.choice(things),)
            options["target_dependents"] = rng.random() < 0.5
        elif things and rng.random() < 0.05:
            options["excludes"] = (rng.choice(things),)
        if kind == "refresh":
            return self.stack.refresh(targets=options.get("targets", ()), parallel=self.parallel)
        if kind == "destroy":
            with_program = rng.random() < 0.2
            return self.stack.destroy(self.program, run_program=with_program, **options)
        if rng.random() < 0.2:
            options["refresh"] = True
        if things and rng.random() < 0.1:
            options["replace"] = (rng.choice(things),)
        return self.stack.up(self.program, **options)

    def _arm_kill(self, countdown: int | None) -> None:
        self.left, left = None, [countdown or 0]

        def point(kind: str) -> None:
            with self.cloud.lock:
                left[0] -= 1
                if left[0] == 0:
                    self.left = Left(kind, self.stack.state, copy.deepcopy(self.cloud.things))

        self.cloud.before_call = lambda call, name: point("before a call")
        self.cloud.after_call = lambda call, name: point("after a call")
        self.stack.before_write = lambda: point("before a write")
        self.stack.on_write = lambda snapshot: point("after a write")

    def _disarm(self) -> None:
        self.cloud.refuse, self.left = set(), None
        self._arm_kill(None)

    def _finish_kill(self) -> None:
        if self.left is not None:
            self.stack.state, self.cloud.things = self.left.state, self.left.things
            self.met["kills"] += 1
            self.met[f"kills {self.left.point}"] += 1
        state = self.stack.state
        pending = state.pending_operations
        cut_off = {_first_name(o.resource.name) for o in pending if o.kind is PendingKind.UPDATING}
        self.unsure |= {r.id for r in state.resources if _first_name(r.name) in cut_off}

    def _count(self, report: Report) -> None:
        self.met["steps"] += 1
        operations = [op for op, _ in report.steps()]
        self.met["replaces"] += "replace" in operations
        self.met["failed calls"] += any("refused" in error for error in report.errors)
        self.met["protected resources"] += any(r.protect for r in self.stack.state.resources)
        self.met["failed operations"] += report.failed

    # Rules

    def check(self) -> None:
        """Holds the state against the rules for states, and against the cloud."""
        state = self.stack.state
        assert broken_rules(state) == []
        self.retained |= {r.id for r in state.resources if r.retain_on_delete}
        creating = self._creating()
        deleting = {o.resource.id for o in state.pending_operations if o.kind is PendingKind.DELETING}
        known = {r.id: r for r in state.resources if r.id and not r.is_provider}
        for identity in set(self.cloud.things) - set(known) - self.retained - {OUTSIDE}:
            assert _first_name(identity) in creating, f"{identity} is forgotten"
        for identity in set(known) - set(self.cloud.things):
            gone = identity in deleting or known[identity].pending_replacement
            assert gone, f"{identity} is in the state only"
        for identity in set(known) & set(self.cloud.things) - self.unsure:
            resource = known[identity]
            inputs = resource.outputs if resource.external else resource.inputs
            wanted = {k: v for k, v in plain(inputs).items() if k != "out"}
            assert self.cloud.things[identity] == wanted, f"{identity} is not what the state says"
        assert self.cloud.things[OUTSIDE] == {"value": 7}
        if deleting:  # what was being deleted is settled by a refresh, as people are told to do
            self._disarm()
            assert not self.stack.refresh().failed
            self.unsure.clear()

    def finish(self) -> None:
        """Empties the stack as people do: refresh, unprotect, destroy. Only pending creates may be left."""
        self._disarm()
        assert not self.stack.refresh().failed
        for resource in self.stack.state.resources:
            resource.protect = False
        report = self.stack.destroy()
        assert not report.failed, report.errors
        assert self.stack.state.resources == []
        rest = set(self.cloud.things) - self.retained - {OUTSIDE}
        assert {_first_name(identity) for identity in rest} <= self._creating()
        self.met["emptied stacks"] += 1

    def _creating(self) -> set[str]:
        pending = self.stack.state.pending_operations
        return {_first_name(o.resource.name) for o in pending if o.kind is PendingKind.CREATING}


def _first_name(name: str) -> str:
    """The name, without what renames have added, of a resource by its present name or by its id."""
    return name.partition("-")[0].rstrip("n")


def run(rng: Random, steps: int, met: Counter[str], parallel: int = 1) -> None:
    """One history, with so many steps beside each other."""
    history = History(rng, met, parallel)
    for _ in range(steps):
        history.step()
    history.finish()
