"""The secrets of one stack: which salt is in force, and a key derived when the first secret occurs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.secrets.passphrase import PassphraseCrypter, PassphraseError, passphrase_from

PASSPHRASE = "passphrase"  # noqa: S105 - the name of the secrets provider
DEFAULT_PROVIDERS = (None, "", "default", PASSPHRASE)


class SecretsError(Exception):
    """A secret cannot be read or written; the message says what to do."""


class SecretsManager:
    """Encrypts for one stack, and decrypts what this or an earlier salt encrypted. Safe from any thread.

    `salt` is None until the stack has met its first secret; then a new one is made and given to
    `on_new_salt`, which keeps it in the stack's settings.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        salt: str | None,
        on_new_salt: Callable[[str], None],
    ) -> None:
        self._environment = environment
        self._salt = salt
        self._on_new_salt = on_new_salt
        self._crypters: dict[str, PassphraseCrypter] = {}
        self._lock = threading.Lock()

    @property
    def salt(self) -> str | None:
        """The salt in force, None when there has been no secret yet."""
        return self._salt

    def state(self) -> Mapping[str, Any] | None:
        """What a checkpoint says of the secrets provider; None when no secret has occurred."""
        if self._salt is None:
            return None
        return {"type": PASSPHRASE, "state": {"salt": self._salt}}

    def check_passphrase(self) -> None:
        """Raises PassphraseError when there is no passphrase at all. Cheap: no key is derived."""
        passphrase_from(self._environment)

    def encrypt(self, text: str) -> str:
        """The ciphertext of `text`; the first call may derive the key. Raises PassphraseError."""
        return self._current().encrypt(text)

    def decrypt(self, ciphertext: str) -> str:
        """The text of a ciphertext made with the salt in force. Raises PassphraseError."""
        return self._current().decrypt(ciphertext)

    def decrypter_of(self, provider: Mapping[str, Any] | None) -> Callable[[str], str]:
        """How to decrypt a checkpoint that names `provider`; derives its key at the first secret."""
        if provider is None:
            return self.decrypt
        check_supported(provider.get("type"))
        salt = (provider.get("state") or {}).get("salt")
        if not isinstance(salt, str):
            raise SecretsError("the checkpoint's passphrase secrets provider has no salt")
        return lambda ciphertext: self._unlocked(salt).decrypt(ciphertext)

    def _current(self) -> PassphraseCrypter:
        with self._lock:
            if self._salt is None:
                crypter = PassphraseCrypter.create(passphrase_from(self._environment))
                self._crypters[crypter.salt] = crypter
                self._salt = crypter.salt
                self._on_new_salt(crypter.salt)
            salt = self._salt
        return self._unlocked(salt)

    def _unlocked(self, salt: str) -> PassphraseCrypter:
        with self._lock:
            if salt not in self._crypters:
                self._crypters[salt] = PassphraseCrypter.unlock(salt, passphrase_from(self._environment))
            return self._crypters[salt]


def check_supported(provider: object) -> None:
    """Raises SecretsError for a secrets provider that this engine does not have."""
    if provider not in DEFAULT_PROVIDERS:
        name = str(provider).partition("://")[0]
        raise SecretsError(
            f"secrets provider '{name}' is not supported by this engine; it supports 'passphrase' only"
        )


__all__ = ["PASSPHRASE", "PassphraseError", "SecretsError", "SecretsManager", "check_supported"]
