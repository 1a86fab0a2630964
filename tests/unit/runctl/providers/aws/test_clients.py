"""Where clients send their requests."""

from __future__ import annotations

from typing import Any

import pytest

from runctl_auto.providers.aws.clients import client_maker


class Unsent(Exception):
    """Raised in place of sending."""


@pytest.mark.parametrize(
    ("bucket", "address"),
    [
        ("my.sets.org", "https://s3.eu-west-1.amazonaws.com/my.sets.org/a"),
        ("my-sets", "https://my-sets.s3.eu-west-1.amazonaws.com/a"),
    ],
)
def test_a_bucket_with_dots_is_in_the_path(
    bucket: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    sent: list[str] = []

    def keep(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise Unsent

    s3 = client_maker()("s3", "eu-west-1")
    s3.meta.events.register("before-send.s3.GetObject", keep)
    with pytest.raises(Unsent):
        s3.get_object(Bucket=bucket, Key="a")
    assert sent == [address]
