"""What hosts take over from the caller's machine."""

import pytest

from sandbox.hosts import machine_settings as module
from sandbox.hosts.machine_settings import machine_settings


@pytest.fixture
def read(tmp_path):
    def settings(**environment):
        inside = tmp_path / "inside"
        return machine_settings(environment, tmp_path / "copies", inside, tmp_path / "home")

    return settings


def test_only_what_reaches_registries_is_taken(read):
    found = read(
        PIP_INDEX_URL="https://example.org/simple",
        PIP_CACHE_DIR="/c",
        PIP_TARGET="/t",
        HOME="/h",
        SECRET="s",
        PATH="/p",
    )
    assert found.environment == {"PIP_INDEX_URL": "https://example.org/simple"}


def test_cloud_on_loopback_is_never_proxied(read):
    found = read(https_proxy="http://proxy:1", no_proxy="example.org")
    assert found.environment["no_proxy"] == "example.org,127.0.0.1,localhost"
    assert found.environment["NO_PROXY"] == "127.0.0.1,localhost"
    assert "no_proxy" not in read(PIP_NO_INDEX="1").environment


def test_certificates_that_hosts_cannot_see_are_copied(read, tmp_path):
    own = tmp_path / "corporate.pem"
    own.write_text("certificate")
    found = read(SSL_CERT_FILE=str(own), REQUESTS_CA_BUNDLE="/usr/nowhere.pem", PIP_CERT=str(own))
    name = found.environment["SSL_CERT_FILE"].rpartition("/")[2]
    assert found.environment["SSL_CERT_FILE"].startswith(str(tmp_path / "inside"))
    assert (tmp_path / "copies" / name).read_text() == "certificate"
    assert found.environment["PIP_CERT"] == found.environment["SSL_CERT_FILE"]
    assert found.environment["REQUESTS_CA_BUNDLE"] == "/usr/nowhere.pem"


def test_folder_of_packages_is_shown(read, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    assert read(PIP_FIND_LINKS=f"{wheels} https://example.org/x {tmp_path / 'absent'}").folders == (wheels,)


def test_pip_configuration_is_found_in_pips_order(read, tmp_path):
    named, config = tmp_path / "named.conf", tmp_path / "home/.config/pip/pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text("from home")
    assert read().pip_files["user"] == b"from home"
    named.write_text("named")
    assert read(PIP_CONFIG_FILE=str(named)).pip_files["user"] == b"named"
    assert "PIP_CONFIG_FILE" not in read(PIP_CONFIG_FILE=str(named)).environment


def test_shared_folders_hold_no_private_keys():
    assert not any(
        path in ("/etc", "/etc/ssl", "/etc/pki", "/etc/ssl/private") for path in module.SHARED_FOLDERS
    )
