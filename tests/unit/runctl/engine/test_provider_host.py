"""The process that serves RunPod's resources: which stacks need it."""

from __future__ import annotations

import pytest

from runctl_auto.engine.provider_host.host import is_of_runpod


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ('{"provider": "aws", "providers": ["aws", "runpod"]}', True),
        ('{"provider": "aws", "providers": []}', False),
        ('{"provider": "runpod"}', True),
        ('{"provider": "aws"}', False),
        ("{}", False),
        ("not JSON", False),
    ],
)
def test_a_stack_of_a_job_on_runpod(job: str, expected: bool) -> None:
    assert is_of_runpod({"runctl:job": job}) is expected
    assert is_of_runpod({}) is False
