"""Parameters that name images are given as in a job file, and nothing else gets into a policy."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

import pytest
from click.testing import CliRunner

from runctl_auto.cli.commands.permissions import command
from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation

PLACE = ["--account", "111122223333", "--region", "eu-central-1"]


def printed(*arguments: str) -> tuple[int, str, Any]:
    invocation = create_autospec(Invocation, instance=True)
    console = invocation.console = create_autospec(Console, instance=True)
    done = CliRunner().invoke(command, [*PLACE, *arguments], obj=invocation)
    results = [call.args[0] for call in console.result.call_args_list]
    return done.exit_code, done.output, results[0] if results else None


@pytest.mark.parametrize("name", ["/images/training", "ssm:/images/training"])
def test_a_parameter_is_named_as_in_a_job_file(name: str) -> None:
    code, _, policy = printed("--role", "plan", "--image-parameter", name)
    assert code == 0
    (statement,) = [each for each in policy["Statement"] if each["Sid"] == "ReadImageParameters"]
    assert statement["Resource"] == ["arn:aws:ssm:eu-central-1:111122223333:parameter/images/training"]


@pytest.mark.parametrize("name", ["images", "/images/*", "/images/{account}", "", "/a b"])
def test_what_is_no_name_of_a_parameter_is_refused(name: str) -> None:
    code, output, policy = printed("--image-parameter", name)
    assert code == 2
    assert "--image-parameter" in output
    assert policy is None
