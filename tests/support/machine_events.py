"""Events that affect a sandbox machine from outside."""

from __future__ import annotations

import time
from typing import Any

from support.cloud_keys import control


def interrupt(cloud_url: str, instance: str, *, notice_seconds: float) -> None:
    """Interrupt the spot instance after the notice."""
    told = _post(cloud_url, instance, "interrupt", {"notice_seconds": notice_seconds})
    assert told["action"] == "terminate"


def recommend_rebalance(cloud_url: str, instance: str) -> None:
    """Recommend to leave the spot instance; it goes on."""
    assert _post(cloud_url, instance, "rebalance", {})["time"]


def cut_off(cloud_url: str, instance: str) -> None:
    """From now on, no request of the machine arrives or is answered."""
    assert _post(cloud_url, instance, "network", {"connected": False}) == {"connected": False}


def pause(cloud_url: str, instance: str, *, seconds: float) -> None:
    """The machine hangs for so long, with all that runs on it. Blocks."""
    _post(cloud_url, instance, "power", {"power": "frozen"})
    time.sleep(seconds)
    _post(cloud_url, instance, "power", {"power": "on"})


def _post(cloud_url: str, instance: str, what: str, body: dict[str, Any]) -> Any:
    return control(cloud_url, "POST", f"instances/{instance}/{what}", body)
