"""The program that serves one verb beside a job; as ``start``, it finds the agent's modules by itself."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from runctl_auto.agent.local.reach import main

    raise SystemExit(main(sys.argv[1:]))
