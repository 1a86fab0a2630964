"""Events that affect a sandbox machine from outside."""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def interrupt(cloud_url: str, instance: str, *, notice_seconds: float) -> None:
    """Interrupt the spot instance after the notice."""
    told = _post(cloud_url, instance, "interrupt", {"notice_seconds": notice_seconds})
    assert told["action"] == "terminate"


def cut_off(cloud_url: str, instance: str) -> None:
    """From now on, no request of the machine arrives or is answered."""
    assert _post(cloud_url, instance, "network", {"connected": False}) == {"connected": False}


def _post(cloud_url: str, instance: str, what: str, body: dict[str, Any]) -> Any:
    url = f"{cloud_url.rstrip('/')}/sandbox-api/instances/{instance}/{what}"
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)
