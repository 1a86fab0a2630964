"""The keys of a running emulated cloud, found by its port as its own user can: from its command line."""

from __future__ import annotations

import json
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.access.keys import CloudKeys, load_keys

_SCRIPT = "sandbox/aws/cloud/serve.py"


def keys_of(cloud_url: str) -> CloudKeys:
    """The keys of the cloud that serves at this address."""
    port = urlsplit(cloud_url).port
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError, ValueError):
            words = entry.read_bytes().decode(errors="replace").split("\0")
            if any(word.endswith(_SCRIPT) for word in words):
                ready = json.loads(Path(_option(words, "--ready-file")).read_text())
                if ready["port"] == port:
                    return load_keys(Path(_option(words, "--keys")))
    raise AssertionError(f"no emulated cloud serves at {cloud_url}")


def client_keys(cloud_url: str) -> dict[str, str]:
    """The key pair, as boto3's clients take it."""
    keys = keys_of(cloud_url)
    return {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key}


def control(
    cloud_url: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    keys: CloudKeys | None = None,
    timeout: float = 120,
) -> Any:
    """A call of the control interface; `path` is what follows `/sandbox-api/`."""
    request = urllib.request.Request(
        f"{cloud_url.rstrip('/')}/sandbox-api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": (keys or keys_of(cloud_url)).bearer},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return json.load(answer)


def _option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]
