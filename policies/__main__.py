"""The policy pack, started by path by Pulumi's policy host from any folder."""

import importlib
import sys
from pathlib import Path

# As for the program: runctl's packages take precedence, but only during their import.
_ROOT = str(Path(__file__).resolve().parents[1])
sys.path.insert(0, _ROOT)
try:
    for _package in ("components", "policies"):
        importlib.import_module(_package)
finally:
    sys.path.remove(_ROOT)

from policies.pack import serve  # noqa: E402

serve()
