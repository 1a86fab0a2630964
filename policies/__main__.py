"""The policy pack, started by path by Pulumi's policy host from any folder."""

import importlib
import sys
from pathlib import Path

# As for the program: the packages of runctl are found first, and only while they are found.
_ROOT = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, _ROOT)
try:
    for _package in ("components", "policies"):
        importlib.import_module(_package)
finally:
    sys.path.remove(_ROOT)

from policies.pack import serve  # noqa: E402

serve()
