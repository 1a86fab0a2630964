"""Script: downloads Pulumi's release through the Automation API.

``python -I official_download.py ROOT VERSION``

A process of its own, so that an interruption ends it together with the processes that it starts.
"""

from __future__ import annotations

import subprocess
import sys


def download(root: str, version: str) -> None:
    """Installs the release ``version`` into ``root``. Needs the network."""
    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    PulumiCommand.install(root=root, version=VersionInfo.parse(version))


def main() -> int:
    try:
        download(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        output = error.output if isinstance(error.output, bytes) else b""
        sys.stderr.write(f"{output.decode('utf-8', 'replace')}\n{error}\n")
        return 1
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
