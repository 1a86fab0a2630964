"""Passphrase encryption in Pulumi's format, and when its key is derived."""

from unittest import mock

import pytest

from sandbox.engine.secrets import passphrase
from sandbox.engine.secrets.manager import SecretsError, SecretsManager
from sandbox.engine.secrets.passphrase import (
    IncorrectPassphraseError,
    PassphraseCrypter,
    PassphraseError,
    passphrase_from,
)

SALT = "v1:ReML14y/LHQ=:v1:3qtxw0i2LIDrjN4q:0HuKQSlKsmpGtAEqURrVbo5dRcYvTw=="
"""Made by Pulumi's CLI with the passphrase `x`."""
CIPHERTEXT = "v1:7zaAJ2umSi+1CY7p:pST9bpPftatBzI0ouxRT0s9jAnvY4w=="


@pytest.fixture(scope="module")
def crypter():
    return PassphraseCrypter.unlock(SALT, "x")


@pytest.fixture
def derivations():
    with mock.patch.object(passphrase, "_derive", autospec=True, side_effect=passphrase._derive) as derive:
        yield derive


def test_reads_what_pulumi_wrote(crypter):
    assert crypter.decrypt(CIPHERTEXT) == "s3cret"


def test_encrypts_the_same_text_differently_each_time(crypter):
    first, second = crypter.encrypt("text"), crypter.encrypt("text")
    assert first != second
    assert crypter.decrypt(first) == crypter.decrypt(second) == "text"


def test_a_wrong_passphrase_is_noticed():
    with pytest.raises(IncorrectPassphraseError, match=r"^incorrect passphrase$"):
        PassphraseCrypter.unlock(SALT, "y")


@pytest.mark.parametrize("salt", ["", "v1:abc", "v2:AAAA:x", "v1:!!!:x"])
def test_malformed_salts(salt):
    with pytest.raises(PassphraseError):
        PassphraseCrypter.unlock(salt, "x")


@pytest.mark.parametrize("text", ["", "v1:a:b:c", "v2:AAAA:AAAA", "v1:AAAA:AAAA", CIPHERTEXT[:-6] + "AAAA=="])
def test_malformed_ciphertexts(crypter, text):
    with pytest.raises(PassphraseError):
        crypter.decrypt(text)


def test_the_environment_gives_the_passphrase(tmp_path):
    (tmp_path / "f").write_text(" phrase \n")
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "f")}) == "phrase"
    assert passphrase_from({"PULUMI_CONFIG_PASSPHRASE": ""}) == ""
    with pytest.raises(PassphraseError, match="PULUMI_CONFIG_PASSPHRASE"):
        passphrase_from({})
    with pytest.raises(PassphraseError, match="unable to read"):
        passphrase_from({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "none")})


def test_no_key_is_derived_before_the_first_secret(derivations):
    manager = SecretsManager({"PULUMI_CONFIG_PASSPHRASE": "x"}, SALT, lambda _: None)
    manager.check_passphrase()
    assert manager.state() == {"type": "passphrase", "state": {"salt": SALT}}
    decrypt = manager.decrypter_of(manager.state())
    assert derivations.call_count == 0
    assert decrypt(CIPHERTEXT) == "s3cret"
    manager.encrypt("more")
    assert derivations.call_count == 1


def test_the_first_secret_of_a_stack_makes_its_salt():
    kept = []
    manager = SecretsManager({"PULUMI_CONFIG_PASSPHRASE": "x"}, None, kept.append)
    assert manager.state() is None
    ciphertext = manager.encrypt("text")
    assert kept == [manager.salt]
    assert manager.decrypt(ciphertext) == "text"
    assert len(kept) == 1


def test_a_state_of_another_salt_is_read_with_its_own():
    mine = SecretsManager({"PULUMI_CONFIG_PASSPHRASE": "x"}, None, lambda _: None)
    mine.encrypt("x")
    provider = {"type": "passphrase", "state": {"salt": SALT}}
    assert mine.decrypter_of(provider)(CIPHERTEXT) == "s3cret"


def test_other_providers_are_refused_by_name():
    manager = SecretsManager({}, None, lambda _: None)
    with pytest.raises(SecretsError, match="'cloud' is not supported"):
        manager.decrypter_of({"type": "cloud", "state": {}})
    with pytest.raises(SecretsError, match="no salt"):
        manager.decrypter_of({"type": "passphrase", "state": {}})
