"""The agent's bundle: a zip that python3 runs, byte-identical wherever it is built."""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files

NOT_IN_BUNDLE = frozenset({"bundle.py", "user_data.py", "used_code.py", "same_gzip.py", "bootstrap.py"})
EPOCH = (1980, 1, 1, 0, 0, 0)
MAIN = "from runctl_auto.agent.main import main\n\nraise SystemExit(main())\n"


def build_bundle() -> bytes:
    """The bundle. Stored, not compressed: compressors differ, but the agent's hash must not."""
    agent = files("runctl_auto.agent")
    sources = {
        f"runctl_auto/agent/{entry.name}": entry.read_text(encoding="utf-8")
        for entry in agent.iterdir()
        if entry.name.endswith(".py") and entry.name not in NOT_IN_BUNDLE
    }
    sources["runctl_auto/__init__.py"] = ""
    sources["__main__.py"] = MAIN
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(sources):
            entry = zipfile.ZipInfo(name, date_time=EPOCH)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, sources[name])
    return buffer.getvalue()
