"""Receipts of teardowns, kept after the stack is gone: ``.runctl/receipts/<job>/<time>.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from runctl_auto.errors import RunctlError
from runctl_auto.leftovers.receipt import Receipt
from runctl_auto.local.private_folder import make_subfolder, read_private, replace_private
from runctl_auto.local.strict_json import strict_json


def store(receipt: Receipt, folder: Path, at: datetime) -> Path:
    """Writes the receipt into the project's ``.runctl`` and returns its file. Earlier receipts stay."""
    file = make_subfolder(folder, "receipts", receipt.job) / f"{at:%Y%m%dT%H%M%S.%fZ}.json"
    replace_private(file, strict_json(receipt.as_json(), indent=2) + "\n")
    return file


def stored(folder: Path, most: int) -> Iterator[Mapping[str, Any]]:
    """The newest receipts as JSON data, the newest first; without files that cannot be read or are none."""
    files = sorted((folder / "receipts").glob("*/*.json"), key=lambda each: each.name, reverse=True)
    for file in files[:most]:
        try:
            content = json.loads(read_private(file) or "null")
        except (OSError, RunctlError, ValueError):
            continue
        if isinstance(content, dict):
            yield content
