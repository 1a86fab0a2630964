"""What a search for leaks found, as JSON tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from support.jobs_at_a_glance import at

LEAKS: Mapping[str, Any] = {
    "account": "111122223333",
    "regions": ["us-east-1"],
    "stacks": 7,
    "things": 31,
    "at": at(0),
    "orphans": [
        {
            "kind": "ebs volume",
            "id": "vol-1",
            "name": "x",
            "job": "old",
            "owner": "ann",
            "how": "tag",
            "age_seconds": 90000.0,
            "cost_hour": 0.011,
            "remove": "aws ec2 delete-volume --volume-id vol-1",
            "why": "",
            "keep": None,
            "refused": None,
        }
    ],
    "overdue": [],
    "gone": [{"job": "ghost", "resources": 4}],
    "unchecked": [],
    "unread": [{"job": "odd", "why": "its state cannot be read"}],
}
