"""Which user data is run."""

import gzip

import pytest

from sandbox.hosts.guest.user_data import script_of


def test_scripts_are_run_as_they_are():
    script = b"#!/bin/bash\necho \xff\r\n"
    assert script_of(script) == script
    assert script_of(gzip.compress(script)) == script


def test_nothing_is_nothing():
    assert script_of(b"") is None
    assert script_of(b" \n") is None


@pytest.mark.parametrize(
    "data", [b"#cloud-config\nruncmd: []\n", b"Content-Type: multipart/mixed", b"\x1f\x8bbroken"]
)
def test_other_kinds_are_refused(data):
    with pytest.raises(ValueError, match="user data"):
        script_of(data)
