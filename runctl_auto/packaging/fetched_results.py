"""Recognizes results of earlier runs, fetched to ``runs/JOB/RUN/`` or ``runs/JOB/checkpoints/``."""

from __future__ import annotations

import re
from pathlib import Path

from runctl_auto.run.identity import RUN_ID

RECORD_FILE = ".artifacts.json"
"""In the folder of each run: what was fetched to it."""
RESULTS_FOLDER = "runs"
"""Where they are kept unless the settings say otherwise. Empty folders in it are what is left of them."""

_CHECKPOINT = re.compile(r"\.?\d{8}(\..*)?")
_ON_ITS_WAY = re.compile(rf"\.{RUN_ID.pattern}\.(arriving|leaving)")


def is_fetched_result(folder: Path) -> bool:
    """Whether ``folder`` holds what a run left, its fetched checkpoints, or what is on its way."""
    if _ON_ITS_WAY.fullmatch(folder.name):
        return True
    if folder.name == "checkpoints" and folder.parent.parent.name == RESULTS_FOLDER:
        try:
            return all(_CHECKPOINT.fullmatch(each.name) for each in folder.iterdir())
        except OSError:
            return False  # which is told where the folder is walked
    return bool(RUN_ID.fullmatch(folder.name)) and (folder / RECORD_FILE).is_file()
