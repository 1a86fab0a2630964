"""The Pulumi program of every job, started by path from any folder, out of a checkout or a wheel."""

import importlib
import sys
from pathlib import Path

# The folder that holds the packages of runctl comes first while they are found, so that nothing in the
# person's own folder shadows them, and not longer, so that they shadow nothing of anyone else's.
_ROOT = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, _ROOT)
try:
    for _package in ("components", "runctl_auto"):
        importlib.import_module(_package)
finally:
    sys.path.remove(_ROOT)

from runctl_auto.program import run  # noqa: E402

run()
