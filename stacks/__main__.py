"""The Pulumi program of every job, started by path from any folder, from a checkout or a wheel."""

import importlib
import sys
from pathlib import Path

# The folder of runctl's packages comes first during their import, so that the user's own folder
# does not shadow them, and is removed afterwards, so that it shadows no other packages.
_ROOT = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, _ROOT)
try:
    for _package in ("components", "runctl_auto"):
        importlib.import_module(_package)
finally:
    sys.path.remove(_ROOT)

from runctl_auto.program import run  # noqa: E402

run()
