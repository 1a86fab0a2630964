"""Random histories of a stack, with refused calls and with kills at every kind of point.

A kill is played by remembering the disk and the cloud as they are at that point, letting the operation run
out, and putting both back: with one step at a time that is what a killed process leaves.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.engine_in_memory import Cloud, Registrar, Report, Stack

from sandbox.engine.checkpoint import check_integrity

MET: Counter[str] = Counter()


class History:
    """One stack and the program that changes from step to step."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.cloud = Cloud()
        self.stack = Stack(self.cloud)
        self.declared: list[dict[str, Any]] = [self._new(i) for i in range(rng.randint(2, 6))]
        self.saved: tuple[Any, Any] | None = None
        self.retained: set[str] = set()

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
        }

    def program(self, p: Registrar) -> None:
        made: dict[str, Any] = {}
        for d in self.declared:
            uses = {k: made[d[f]] for k, f in (("ref", "ref"), ("key", "keyref")) if d[f] in made}
            inputs = {"value": d["value"], "key": d["key"], "dbr": d["dbr"]}
            made[d["name"]] = p.thing(
                d["name"],
                {k: v for k, v in inputs.items() if k not in uses},
                uses=uses,
                protect=d["protect"],
                retain_on_delete=d["retain"],
            )

    def mutate(self) -> None:
        for d in list(self.declared):
            chance = self.rng.random()
            if chance < 0.25:
                d["value"] = self.rng.randint(0, 2)
            elif chance < 0.45:
                d["key"] = self.rng.randint(0, 3)
            elif chance < 0.55:
                d["protect"] = not d["protect"]
            elif chance < 0.65:
                self.declared.remove(d)
        if self.rng.random() < 0.3:
            self.declared.append(self._new(self.rng.randint(0, 9)))
            names = [d["name"] for d in self.declared]
            self.declared = [d for i, d in enumerate(self.declared) if d["name"] not in names[:i]]

    def step(self) -> None:
        rng = self.rng
        self.mutate()
        names = [d["name"] for d in self.declared] or ["r0"]
        live = sorted(self.cloud.things) or ["r0-1"]
        self.cloud.refuse = set()
        if rng.random() < 0.3:
            call = rng.choice(["create", "update", "delete"])
            self.cloud.refuse = {(call, rng.choice(live if call == "delete" else names))}
        self._arm_kill()
        report = self._operate()
        self._count(report)
        self._finish_kill()
        self.check()

    def _operate(self) -> Report:
        kind = self.rng.choice(["up", "up", "up", "up", "destroy", "refresh", "up_refresh"])
        if kind == "destroy":
            return self.stack.destroy()
        if kind == "refresh":
            return self.stack.refresh()
        return self.stack.up(self.program, refresh=kind == "up_refresh")

    def _arm_kill(self) -> None:
        self.saved = None
        countdown = self.rng.choice([None, None, *range(1, 12)])
        left = [countdown]

        def point(*_: object) -> None:
            if left[0] is not None and self.saved is None:
                left[0] -= 1
                if left[0] == 0:
                    self.saved = (self.stack.state, copy.deepcopy(self.cloud.things))

        self.cloud.before_call = self.cloud.after_call = point
        self.stack.on_write = point

    def _finish_kill(self) -> None:
        if self.saved is not None:
            self.stack.state, self.cloud.things = self.saved
            MET["kills"] += 1

    def _count(self, report: Report) -> None:
        MET["steps"] += 1
        operations = {op for op, _ in report.steps()}
        MET["replaces"] += "replace" in operations
        MET["failed calls"] += any("refused" in error for error in report.errors)
        MET["protected"] += any(r.protect for r in self.stack.state.resources)
        self.retained |= {r.id for r in self.stack.state.resources if r.retain_on_delete}

    def check(self) -> None:
        state = self.stack.state
        if state.manifest.version:
            check_integrity(state)
        pending = {(o.kind.value, o.resource.name) for o in state.pending_operations}
        known = {r.id: r.name for r in state.resources if r.id and not r.is_provider}
        for identity in set(self.cloud.things) - set(known):
            name = identity.rpartition("-")[0]
            assert ("creating", name) in pending or identity in self.retained, f"{identity} is forgotten"
        for identity in set(known) - set(self.cloud.things):
            resource = next(r for r in state.resources if r.id == identity)
            gone = ("deleting", known[identity]) in pending or resource.pending_replacement
            assert gone, f"{identity} is in the state only"
        # What was being deleted is settled by a refresh, as people are told to do.
        if any(kind == "deleting" for kind, _ in pending):
            self.cloud.refuse, self.cloud.before_call = set(), lambda call, name: None
            self.cloud.after_call, self.stack.on_write = (lambda call, name: None), (lambda snapshot: None)
            assert not self.stack.refresh().failed


def run(seed: int, steps: int) -> None:
    history = History(random.Random(seed))
    for _ in range(steps):
        history.step()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_nothing_is_forgotten_whatever_happens(seed: int) -> None:
    run(seed, 6)


@pytest.mark.matrix
def test_nothing_is_forgotten_in_two_thousand_histories() -> None:
    MET.clear()
    for seed in range(2000):
        run(seed, 6)
    print(dict(MET))
    for what in ("replaces", "failed calls", "kills", "protected"):
        assert MET[what] >= MET["steps"] * 0.05, what
