"""The secrets of one emulated cloud: an AWS key pair, and a token for the control interface.

They are random, made with the cloud and kept in a file that only the caller can read. Hosts never get them.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

REGISTRIES = "/container-registries/"
"""Where the cloud's port serves the stand-in for container registries."""
_ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_PREFIX = "AKIA"
_ID_LENGTH = 20


@dataclass(frozen=True)
class CloudKeys:
    """`access_key_id` and `secret_access_key` are those of the account's owner; `control_token` is the bearer
    token of `/sandbox-api`."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    control_token: str = field(repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """The variables in which AWS's clients expect the key pair."""
        return {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}

    @property
    def runpod_api_key(self) -> str:
        """The key of the account of RunPod's stand-in."""
        made = hmac.new(self.control_token.encode(), b"runpod", hashlib.sha256).hexdigest()
        return f"rpa_{made[:40].upper()}"

    @property
    def registries_token(self) -> str:
        """What the addresses of the stand-in for container registries begin with."""
        return hmac.new(self.control_token.encode(), b"registries", hashlib.sha256).hexdigest()[:40]

    @property
    def bearer(self) -> str:
        """The value of the header `Authorization` for the control interface."""
        return f"Bearer {self.control_token}"


def new_keys() -> CloudKeys:
    """Random keys."""
    random_part = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH - len(_ID_PREFIX)))
    return CloudKeys(f"{_ID_PREFIX}{random_part}", secrets.token_urlsafe(30), secrets.token_urlsafe(32))


def keys_file(cloud_folder: Path) -> Path:
    """Where the keys of the cloud with this folder are kept."""
    return cloud_folder / "keys.json"


def save_keys(file: Path, keys: CloudKeys) -> None:
    """Write the keys to a new file that only its owner can read. Raises OSError when it exists."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(json.dumps(asdict(keys)))


def load_keys(file: Path) -> CloudKeys:
    """The keys in a file. Raises OSError when there is none, and ValueError when it holds no keys."""
    try:
        content = json.loads(file.read_text())
        return CloudKeys(**{name: str(content[name]) for name in CloudKeys.__dataclass_fields__})
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{file} holds no keys of a cloud: {error!r}") from error
