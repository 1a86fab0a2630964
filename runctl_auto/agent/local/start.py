"""The program that ``spawn`` starts: finds the agent's modules beside itself, and nothing of the caller's."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from runctl_auto.agent.local.main import main

    raise SystemExit(main(sys.argv[1:]))
