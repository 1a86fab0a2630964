"""Addresses in settings: encrypted on the way, but for those of this machine."""

from __future__ import annotations

import pytest

from runctl_auto.settings.addresses import checked_url, refuse_plain_requests

SCHEMES = ("file", "s3", "azblob", "http", "https")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://localhost:4566",
        "http://127.0.0.1:5000",
        "http://127.9.9.9",
        "http://[::1]:80/x",
        "file:///state",
        "s3://states?region=us-east-1",
        "s3://states?endpoint=minio.example:9000",
        "s3://states?endpoint=https://minio.example",
        "s3://states?endpoint=http://127.0.0.1:9000&s3ForcePathStyle=true",
        "s3://states?endpoint=localhost:9000&disableSSL=true",
        "azblob://states?storage_account=me",
    ],
)
def test_addresses_that_are_safe(url: str) -> None:
    assert checked_url(url, SCHEMES) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example",
        "http://10.0.0.1:4566",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://[::2]",
        "http://0.0.0.0",
        "s3://states?endpoint=http://evil.example",
        "s3://states?endpoint=evil.example:9000&disableSSL=true",
        "s3://states?disableSSL=true",
        "s3://states?endpoint=https://127.0.0.1&endpoint=http://evil.example",
        "s3://states?disable_https=1&endpoint=evil.example",
        "azblob://states?protocol=http&domain=evil.example",
        "ftp://evil.example",
        "http://",
    ],
)
def test_addresses_that_are_not(url: str) -> None:
    with pytest.raises(ValueError, match="must"):
        checked_url(url, SCHEMES)


def test_a_key_service_is_reached_safely() -> None:
    refuse_plain_requests("awskms://alias/runctl?region=us-east-1")
    refuse_plain_requests("passphrase")
    with pytest.raises(ValueError, match="HTTPS"):
        refuse_plain_requests("awskms://alias/runctl?endpoint=http://evil.example")
