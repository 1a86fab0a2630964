"""Recognizes results of earlier runs, fetched to ``runs/JOB/RUN/`` or ``runs/JOB/checkpoints/``."""

from __future__ import annotations

import re
from pathlib import Path

from runctl_auto.run.identity import RUN_ID_LENGTH

RECORD_FILE = ".artifacts.json"
"""In the folder of each run: what was fetched to it."""
RESULTS_FOLDER = "runs"
"""Where they are kept unless the settings say otherwise. Empty folders in it are what is left of them."""

_RUN = re.compile(rf"[0-9a-f]{{{RUN_ID_LENGTH}}}")
_CHECKPOINT = re.compile(r"\.?\d{8}(\..*)?")
_ARRIVING = re.compile(rf"\.{_RUN.pattern}\.arriving")


def is_fetched_result(folder: Path) -> bool:
    """Whether ``folder`` holds what a run left, its fetched checkpoints, or what is just arriving."""
    if _ARRIVING.fullmatch(folder.name):
        return True
    if folder.name == "checkpoints" and folder.parent.parent.name == RESULTS_FOLDER:
        try:
            return all(_CHECKPOINT.fullmatch(each.name) for each in folder.iterdir())
        except OSError:
            return False  # which is told where the folder is walked
    return bool(_RUN.fullmatch(folder.name)) and (folder / RECORD_FILE).is_file()
