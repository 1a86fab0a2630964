"""JSON that every parser accepts: no NaN or infinity, no halves of surrogate pairs, no escape sequences."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from runctl_auto.local.plain_text import plain_text


def strict_json(value: object, *, indent: int | None = None) -> str:
    """``value`` as JSON text in ASCII.

    Numbers that are not finite become null. Texts lose escape sequences and control characters other than
    line breaks, tabs and carriage returns. Objects without a JSON form become their text.
    """
    return json.dumps(_strict(value), indent=indent, allow_nan=False)


def _strict(value: object) -> Any:
    if isinstance(value, str):
        return plain_text(value, keep_returns=True)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_key(key): _strict(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(each) for each in value]
    return plain_text(str(value), keep_returns=True)


def _key(key: object) -> object:
    if isinstance(key, float) and not math.isfinite(key):
        return str(key)
    return key if key is None or isinstance(key, (bool, int, float)) else plain_text(str(key))
