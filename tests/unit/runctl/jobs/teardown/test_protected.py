"""What a teardown deletes although it is protected, and what it keeps although it is not."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from support.held_resources import held_state
from support.job_stacks import Told
from support.sessions import fake_session

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import ConfirmationNeededError, ProtectedError, UsageError
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.protected import confirm_included, teardown_protection
from runctl_auto.settings.schema import Settings

STATE = held_state("digits", volumes={"data": True, "cache": False}, bucket=True)


def session(answers: str = "", **settings: Any) -> Session:
    return fake_session(
        told=Told(answers=answers), settings=Settings.model_validate({"owner": "bob", **settings})
    )


def test_without_a_wish_nothing_changes() -> None:
    chosen = teardown_protection(session(), "digits", STATE, ())
    assert chosen.included == chosen.listed == ()
    assert len(chosen.kept(STATE)) == 3, "the volume, the bucket and its policy"


def test_what_is_named_goes_with_all_that_is_in_it() -> None:
    chosen = teardown_protection(session(), "digits", STATE, ("bucket", "vol-data", "data"))
    assert [each.name for each in chosen.included] == ["bucket", "data"]
    assert {each.name for each in chosen.deletions(STATE)} == {
        "digits-data-volume",
        "digits-artifacts-bucket",
        "digits-artifacts-policy",
    }
    assert chosen.kept(STATE) == ()
    stack = create_autospec(JobStack, instance=True)
    chosen.give_up_included(stack)
    assert all(call.kwargs == {"protect": False} for call in stack.mark_protected.call_args_list)
    assert stack.mark_protected.call_count == 2


def test_a_name_that_nothing_has_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing called 'dta'"):
        teardown_protection(session(), "digits", STATE, ("dta",))


@pytest.mark.parametrize("answer", ["", "no", "cache", "y"])
def test_yes_does_not_answer_for_a_name(answer: str) -> None:
    place = session(answer)
    chosen = teardown_protection(place, "digits", STATE, ("data",))
    with pytest.raises(ConfirmationNeededError) as refused:
        confirm_included(place, "digits", chosen, ())
    assert "--confirm data" in str(refused.value.next_step)


@pytest.mark.parametrize(("answer", "confirmed"), [("data", ()), (" data ", ()), ("", ("data",))])
def test_the_name_again_confirms(answer: str, confirmed: tuple[str, ...]) -> None:
    place = session(answer)
    confirm_included(place, "digits", teardown_protection(place, "digits", STATE, ("data",)), confirmed)


def test_every_name_is_asked_for() -> None:
    place = session("data")
    chosen = teardown_protection(place, "digits", STATE, ("data", "bucket"))
    with pytest.raises(ConfirmationNeededError, match="bucket"):
        confirm_included(place, "digits", chosen, ())


def listed(identity: str) -> dict[str, Any]:
    return {"policies": {"protected": [identity]}}


def test_what_the_settings_list_stays_whatever_is_asked() -> None:
    place = session(**listed("runctl-digits-artifacts-1"))
    with pytest.raises(ProtectedError, match=r"policies\.protected|settings protect"):
        teardown_protection(place, "digits", STATE, ("bucket",))


def test_what_the_settings_list_is_protected_before_the_plan() -> None:
    state = held_state("digits", volumes={}, bucket=False)
    chosen = teardown_protection(session(**listed("runctl-digits-artifacts-1")), "digits", state, ())
    stack = create_autospec(JobStack, instance=True)
    chosen.keep_listed(stack)
    stack.mark_protected.assert_called_once_with(chosen.listed[0].urns, protect=True)
    assert [line.split(":")[0] for line in chosen.kept(state)] == ["kept, since the settings protect it"] * 2
