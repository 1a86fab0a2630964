"""Users that hosts run as where there are no namespaces."""

import os
import random
from pathlib import Path

import pytest

from sandbox.hosts import throwaway_user
from sandbox.hosts.throwaway_user import free_uid


def test_nobody_else_has_it(monkeypatch):
    monkeypatch.setattr(throwaway_user, "_users_of_processes", lambda: {0, os.getuid()})
    first = free_uid((), random.Random(1))
    assert first > 60000
    assert free_uid({first}, random.Random(1)) != first
    monkeypatch.setattr(throwaway_user, "_users_of_processes", lambda: {first})
    assert free_uid((), random.Random(1)) != first


def test_small_container_gets_a_small_one(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda path: "0 100000 65536\n")
    monkeypatch.setattr(throwaway_user, "_users_of_processes", set)
    assert 61184 <= free_uid(()) < 65520


def test_container_with_one_user_is_told(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda path: "0 100000 1\n")
    with pytest.raises(OSError, match="too few users"):
        free_uid(())


def test_none_left_is_told(monkeypatch):
    monkeypatch.setattr(throwaway_user, "_NARROW", range(61184, 61186))
    monkeypatch.setattr(throwaway_user, "_WIDE", range(61184, 61186))
    with pytest.raises(OSError, match="no unused user id"):
        free_uid({61184, 61185})
