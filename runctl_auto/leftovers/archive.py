"""Receipts of teardowns, kept after the stack is gone: ``.runctl/receipts/<job>/<time>.json``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from runctl_auto.leftovers.receipt import Receipt
from runctl_auto.local.private_folder import make_subfolder, replace_private
from runctl_auto.local.strict_json import strict_json


def store(receipt: Receipt, folder: Path, at: datetime) -> Path:
    """Writes the receipt into the project's ``.runctl`` and returns its file. Earlier receipts stay."""
    file = make_subfolder(folder, "receipts", receipt.job) / f"{at:%Y%m%dT%H%M%S.%fZ}.json"
    replace_private(file, strict_json(receipt.as_json(), indent=2) + "\n")
    return file
