"""Ctrl-C for a command that runs elsewhere."""

from __future__ import annotations

import pytest

from runctl_auto.cli.passed_signals import PassedSignals


def test_before_the_command_is_sent_it_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        PassedSignals().interrupted()
    with pytest.raises(KeyboardInterrupt):
        PassedSignals().terminated()


def test_each_press_is_a_stronger_signal_and_the_fourth_ends_the_command_here() -> None:
    signals = PassedSignals()
    signals.begin()
    taken = []
    for _ in range(3):
        signals.interrupted()
        taken.append(signals.take())
    assert taken == ["INT", "TERM", "KILL"]
    assert signals.take() is None
    signals.interrupted()
    with pytest.raises(KeyboardInterrupt):
        signals.take()


def test_sigterm_is_passed_on() -> None:
    signals = PassedSignals()
    signals.begin()
    signals.terminated()
    assert signals.take() == "TERM"
