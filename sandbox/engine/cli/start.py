"""Where the launcher begins: makes the package importable from where it lies, then runs the command."""

import gc
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

# A command lives for a moment and makes few cycles: looking for them while modules load, and once more in all
# of them at the end, would be a fifth of what starting costs.
gc.set_threshold(50_000, 20, 20)

from sandbox.engine.cli.main import main  # noqa: E402

if __name__ == "__main__":
    try:
        code = main()
    finally:
        gc.freeze()
    sys.exit(code)
