"""How often something is repeated: less often after the first minutes, since every request to S3 costs.

What a day of a followed run costs is counted in ``tests/unit/runctl/jobs/test_request_costs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST_SECONDS = 600.0
NOTICES_EVERY_SECONDS = 2.0
"""How often it is looked whether people are to be told of something."""


@dataclass(frozen=True)
class Pace:
    """Every `first` seconds during the first FIRST_SECONDS, then every `later` seconds."""

    first: float
    later: float

    def seconds(self, elapsed: float) -> float:
        """The time to the next repetition, `elapsed` seconds after the first one began."""
        return self.first if elapsed < FIRST_SECONDS else self.later


def steady(seconds: float) -> Pace:
    """Always every `seconds`."""
    return Pace(seconds, seconds)
