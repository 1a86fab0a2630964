"""Leases: never two holders, whatever clocks, networks and processes do; and a dead one is succeeded."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support.job_stacks import FakeTime
from support.versioned_in_memory import VersionedInMemory

from runctl_auto.backend.claims import NO_JOB, TERM_SECONDS, Claims, Lease, Refused, parse_claim
from runctl_auto.backend.holder import Here, ProcessMark
from runctl_auto.errors import CloudError

OTHER_MACHINE = Here(machine=lambda: "elsewhere", started=lambda _pid: None)
MARK = ProcessMark(machine="here", pid=7, started=100)


def claims(
    files: VersionedInMemory,
    clock: FakeTime,
    *,
    ahead: float = 0.0,
    here: Here = OTHER_MACHINE,
    now: str = "2026-11-30T10:00:00+00:00",
) -> Claims:
    return Claims(files, "runctl", lambda: clock.now + ahead, lambda: now, here=here, process=lambda: MARK)


def taken(outcome: Lease | Refused) -> Lease:
    assert isinstance(outcome, Lease)
    return outcome


def refused(outcome: Lease | Refused) -> Refused:
    assert isinstance(outcome, Refused)
    return outcome


class Leases(RuleBasedStateMachine):
    """Three commands on three machines want one job, over a network that loses what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.files = FakeTime(), VersionedInMemory()
        self.all = [
            claims(self.files, self.clock, ahead=ahead, now=now)
            for ahead, now in ((0.0, "1970-01-01T00:00:00Z"), (1e6, "2999-01-01T00:00:00Z"), (7.5, "no time"))
        ]
        self.leases: dict[int, Lease] = {}

    who = st.integers(0, 2)

    @rule(who=who)
    def attempt(self, who: int) -> None:
        if who not in self.leases:
            with suppress(CloudError):
                outcome = self.all[who].attempt("digits")
                if isinstance(outcome, Lease):
                    self.leases[who] = outcome

    @precondition(lambda self: self.leases)
    @rule(who=who)
    def renew(self, who: int) -> None:
        if who in self.leases:
            with suppress(CloudError):
                self.leases[who].renew()

    @precondition(lambda self: self.leases)
    @rule(who=who)
    def release(self, who: int) -> None:
        if who in self.leases:
            with suppress(CloudError):
                self.leases.pop(who).release()

    @precondition(lambda self: self.leases)
    @rule(who=who)
    def die(self, who: int) -> None:
        self.leases.pop(who, None)

    @rule(
        seconds=st.sampled_from([1.0, 7.9, 14.0, 22.0, TERM_SECONDS - 0.1, TERM_SECONDS, 3600.0]),
        order=st.permutations(range(3)),
    )
    def wait_and_poll(self, seconds: float, order: list[int]) -> None:
        self.clock.sleep(seconds)
        for who in order:
            self.attempt(who)

    @rule(seconds=st.sampled_from([1.0, 22.0, TERM_SECONDS]))
    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    @rule(trouble=st.sampled_from(["refused", "answer-lost", "late"]))
    def trouble(self, trouble: str) -> None:
        self.files.trouble = trouble  # type: ignore[assignment]

    @precondition(lambda self: self.files.late)
    @rule()
    def arrive(self) -> None:
        self.files.deliver()

    @invariant()
    def one_at_most_is_certain(self) -> None:
        assert sum(lease.is_certain for lease in self.leases.values()) <= 1

    def teardown(self) -> None:
        """A job is never lost for good: without a holder, whoever is patient for a term has it."""
        self.files.trouble = "none"
        self.files.deliver()
        patient = claims(self.files, self.clock)
        outcome = patient.attempt("digits")
        if isinstance(outcome, Refused):
            self.clock.sleep(TERM_SECONDS + 0.001)  # sums of fractions are not exact
            outcome = patient.attempt("digits")
        assert isinstance(outcome, Lease)
        assert sum(lease.is_certain for lease in (*self.leases.values(), outcome)) == 1


Leases.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLeases = Leases.TestCase


def test_a_holder_that_renews_is_never_succeeded() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    lease = taken(claims(files, clock).attempt("digits"))
    other = claims(files, clock)
    for _ in range(20):
        clock.sleep(8)
        assert lease.renew()
        assert isinstance(other.attempt("digits"), Refused)
    assert refused(other.attempt("digits")).life == "alive"


def test_of_a_holder_on_another_machine_nothing_is_known_until_it_renews() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    lease = taken(claims(files, clock).attempt("digits"))
    other = claims(files, clock)
    first = refused(other.attempt("digits"))
    assert (first.life, first.seconds_left) == ("unknown", TERM_SECONDS)
    assert first.owner is not None
    clock.sleep(8)
    lease.renew()
    assert refused(other.attempt("digits")).life == "alive"


def test_a_dead_process_of_this_machine_is_succeeded_at_once() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    taken(claims(files, clock).attempt("digits"))
    alive = Here(machine=lambda: "here", started=lambda pid: 100)
    assert refused(claims(files, clock, here=alive).attempt("digits")).life == "alive"
    for started in (None, 101):  # gone, or its number is another process's by now
        gone = Here(machine=lambda: "here", started=lambda pid, told=started: told)  # type: ignore[misc]
        taken(claims(files, clock, here=gone).attempt("digits")).release()
        taken(claims(files, clock).attempt("digits"))
    hidden = Here(machine=lambda: "here", started=lambda pid: 0)
    assert refused(claims(files, clock, here=hidden).attempt("digits")).life == "unknown"


def test_who_was_succeeded_learns_it_and_leaves_the_claim_alone() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    slept = taken(claims(files, clock).attempt("digits"))
    other = claims(files, clock)
    other.attempt("digits")
    clock.sleep(TERM_SECONDS)
    lease = taken(other.attempt("digits"))
    assert not slept.is_certain
    assert not slept.still_held()
    slept.release()
    assert lease.still_held()


def test_a_lease_that_was_not_renewed_in_time_is_asked_for_before_it_is_relied_on() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    lease = taken(claims(files, clock).attempt("digits"))
    clock.sleep(10 * TERM_SECONDS)
    assert not lease.is_certain
    assert lease.still_held(), "nobody wanted it"
    assert lease.is_certain


def test_a_renewal_whose_answer_was_lost_is_recognized() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    lease = taken(claims(files, clock).attempt("digits"))
    files.trouble = "answer-lost"
    with suppress(CloudError):
        lease.renew()
    assert lease.renew()


def test_what_is_no_claim_is_somebodys_for_a_term() -> None:
    for content in (b"", b"[]", b"{}", b'"text"', b'{"id": 1, "term_seconds": "x"}', b"\xff"):
        clock, files = FakeTime(), VersionedInMemory()
        found = claims(files, clock)
        files.write_version(found.path("digits"), content, None)
        assert refused(found.attempt("digits")).owner is None
        clock.sleep(TERM_SECONDS)
        taken(found.attempt("digits"))


def test_no_claim_can_ask_for_a_term_without_end() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    taken(claims(files, clock).attempt("digits"))
    found = claims(files, clock)
    held = files.files[found.path("digits")]
    files.write_version(
        found.path("digits"),
        json.dumps({**json.loads(held.content), "term_seconds": 1e12}).encode(),
        held.version,
    )
    assert refused(found.attempt("digits")).seconds_left <= 600


def test_claims_that_somebody_has_are_listed_and_freed() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    mine = claims(files, clock)
    taken(mine.attempt("digits")).mark_starting()
    taken(mine.attempt("letters"))
    taken(mine.attempt("free")).release()
    taken(mine.attempt(NO_JOB))
    found = mine.held()
    assert [(each.name, each.claim.starting) for each in found] == [("digits", True), ("letters", False)]
    assert mine.free(found[0])
    assert not mine.free(found[0]), "it was written since"
    assert mine.held_on("digits") is None


def test_a_freed_claim_names_nobody() -> None:
    clock, files = FakeTime(), VersionedInMemory()
    mine = claims(files, clock)
    taken(mine.attempt("digits")).release()
    content = files.files[mine.path("digits")].content
    assert parse_claim(content).is_free
    assert b"hostname" not in content
