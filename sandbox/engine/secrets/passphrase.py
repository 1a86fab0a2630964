"""Encryption with a key from a passphrase: PBKDF2-SHA256 and AES-256-GCM, in Pulumi's formats.

Deriving the key takes about 0.2 s of processor time, so it happens when the first secret occurs.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

ITERATIONS = 1_000_000
_CHECK_TEXT = "pulumi"

ReadPassphrase = Callable[[], str]


class PassphraseError(Exception):
    """The passphrase is missing or wrong, or the salt or a ciphertext is malformed."""


class IncorrectPassphraseError(PassphraseError):
    """The passphrase is not the one that the stack's secrets were encrypted with."""

    def __init__(self) -> None:
        super().__init__("incorrect passphrase")


def passphrase_from(environment: Mapping[str, str]) -> str:
    """The passphrase that the environment gives. Raises PassphraseError when it gives none."""
    if "PULUMI_CONFIG_PASSPHRASE" in environment:
        return environment["PULUMI_CONFIG_PASSPHRASE"]
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file:
        raise PassphraseError(
            "passphrase must be set with PULUMI_CONFIG_PASSPHRASE or "
            "PULUMI_CONFIG_PASSPHRASE_FILE environment variables"
        )
    try:
        return Path(file).absolute().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PassphraseError(f"unable to read PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error


class PassphraseCrypter:
    """Encrypts and decrypts texts; `salt` is what the settings and the state keep (`v1:salt:check`)."""

    def __init__(self, salt: str, key: bytes) -> None:
        self.salt = salt
        self._key = key

    @classmethod
    def create(cls, passphrase: str) -> PassphraseCrypter:
        """A crypter with a new salt. Derives the key."""
        salt = secrets.token_bytes(8)
        key = _derive(passphrase, salt)
        return cls(f"v1:{_encode(salt)}:{_seal(key, _CHECK_TEXT)}", key)

    @classmethod
    def unlock(cls, salt: str, passphrase: str) -> PassphraseCrypter:
        """The crypter for a kept salt. Derives the key; raises IncorrectPassphraseError, PassphraseError."""
        version, _, rest = salt.partition(":")
        encoded, separator, check = rest.partition(":")
        if not separator:
            raise PassphraseError("malformed state value")
        if version != "v1":
            raise PassphraseError("unknown state version")
        key = _derive(passphrase, _decode(encoded))
        try:
            known = _open(key, check)
        except PassphraseError:
            known = ""
        if known != _CHECK_TEXT:
            raise IncorrectPassphraseError
        return cls(salt, key)

    def encrypt(self, text: str) -> str:
        """The ciphertext of `text`, another one each time."""
        return _seal(self._key, text)

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext. Raises PassphraseError when it is malformed or of another key."""
        return _open(self._key, ciphertext)


def _derive(passphrase: str, salt: bytes) -> bytes:
    import hashlib

    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, dklen=32)


def _seal(key: bytes, text: str) -> str:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    return f"v1:{_encode(nonce)}:{_encode(AESGCM(key).encrypt(nonce, text.encode(), None))}"


def _open(key: bytes, ciphertext: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    parts = ciphertext.split(":")
    if len(parts) != 3:
        raise PassphraseError("bad value")
    if parts[0] != "v1":
        raise PassphraseError("unknown value version")
    try:
        return AESGCM(key).decrypt(_decode(parts[1]), _decode(parts[2]), None).decode()
    except (InvalidTag, ValueError) as error:
        raise PassphraseError("cipher: message authentication failed") from error


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise PassphraseError(f"malformed base64 in a secret: {error}") from error
