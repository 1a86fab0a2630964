"""Where the launcher begins: makes the package importable from where it lies, then runs the command."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sandbox.engine.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
