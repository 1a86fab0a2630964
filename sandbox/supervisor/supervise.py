"""Starts the supervisor of a folder in the background: `python -I supervise.py --folder DIR`.

Returns immediately; the supervisor runs in its own session, so it outlives the caller and its terminal.
"""

import argparse
import os
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, type=Path)
    folder = parser.parse_args().folder.resolve()
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from sandbox.supervisor.supervisor import Supervisor

    Supervisor(folder).run()


if __name__ == "__main__":
    main()
