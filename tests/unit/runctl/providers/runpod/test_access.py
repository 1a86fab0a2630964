"""The key of RunPod's API, and where it may go."""

from __future__ import annotations

import pytest

from runctl_auto.errors import CredentialsError
from runctl_auto.providers.runpod.access import PUBLIC_ENDPOINT, runpod_access


def test_the_public_endpoint_unless_told() -> None:
    assert runpod_access({"RUNPOD_API_KEY": " k \n"}).endpoint == PUBLIC_ENDPOINT


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:81", "http://localhost:81", "https://proxy.example"])
def test_addresses_that_may_have_the_key(endpoint: str) -> None:
    assert (
        runpod_access({"RUNPOD_API_KEY": "k", "RUNPOD_ENDPOINT_URL": endpoint + "/v2"}).endpoint == endpoint
    )


@pytest.mark.parametrize(
    "endpoint",
    ["http://example.org", "ftp://127.0.0.1", "http://127.0.0.1.example.org", "https://u@h.example", "x"],
)
def test_addresses_that_may_not(endpoint: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        runpod_access({"RUNPOD_API_KEY": "secret", "RUNPOD_ENDPOINT_URL": endpoint})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "schlüssel", "a\x00b"])
def test_no_usable_key(key: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        runpod_access({"RUNPOD_API_KEY": key})
    assert "RUNPOD_API_KEY" in str(caught.value.next_step)
