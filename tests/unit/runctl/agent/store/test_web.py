from __future__ import annotations

import pytest

from runctl_auto.agent.store.web import is_local


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://169.254.169.254/latest", True),
        ("http://[fd00:ec2::254]/latest", False),
        ("http://127.0.0.1:5000/", True),
        ("http://localhost:5000/", True),
        ("https://bucket.s3.us-east-1.amazonaws.com/key", False),
        ("https://10.0.0.1/", False),
    ],
)
def test_which_addresses_no_proxy_is_asked_for(url: str, local: bool) -> None:
    assert is_local(url) is local
