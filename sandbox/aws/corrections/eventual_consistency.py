"""moto shows what it made at once; EC2 and IAM may not for a while.

With a delay set, describing by id and using a fresh object fails as if it did not exist, and lists leave it
out, until the delay has passed since it was made. Off (delay 0) unless switched on.
"""

from dataclasses import dataclass


@dataclass
class Consistency:
    """How many seconds a fresh object stays invisible; 0 switches it off."""

    delay_seconds: float = 0.0
