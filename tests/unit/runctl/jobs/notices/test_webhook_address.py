"""Who is told of a run, and that the address of a webhook is nowhere but among the secrets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.job_stacks import job_spec, placement, stack_config

from runctl_auto.errors import UsageError
from runctl_auto.job_file.spec import JobSpec, Notify
from runctl_auto.jobs.intent import Intent
from runctl_auto.jobs.notices.choice import choose_notify
from runctl_auto.jobs.notices.webhook_address import with_webhook
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.settings.schema import NotifySettings
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import Protection, StackConfig

ADDRESS = "https://hooks.slack.com/services/planted-value"
FILE = Notify(webhook="FILE_HOOK")
OWN = NotifySettings(webhook="OWN_HOOK", on=("failure",))
FROM_SETTINGS = Notify(webhook="OWN_HOOK", on=("failure",))


def spec(notify: Notify | None) -> JobSpec:
    return job_spec(notify=None if notify is None else notify.model_dump())


def config(of_file: Notify | None, in_force: Notify | None) -> StackConfig:
    return replace(stack_config(job=spec(of_file)), notify=in_force)


@pytest.mark.parametrize(
    ("of_file", "current", "run", "settings", "chosen"),
    [
        (FILE, None, "r1", OWN, FILE),
        (None, None, "r1", OWN, FROM_SETTINGS),
        (None, None, "r1", NotifySettings(), None),
        (None, None, "r1", NotifySettings(command="notify-send"), None),
        (None, config(None, FROM_SETTINGS), "r1", NotifySettings(), FROM_SETTINGS),
        (None, config(None, None), "r1", OWN, None),
        (None, config(None, FROM_SETTINGS), "r2", NotifySettings(), None),
        (None, config(None, None), "r2", OWN, FROM_SETTINGS),
        (None, config(FILE, FILE), "r1", NotifySettings(), None),
    ],
)
def test_the_job_file_decides_and_settings_of_others_change_no_run(
    of_file: Notify | None,
    current: StackConfig | None,
    run: str,
    settings: NotifySettings,
    chosen: Notify | None,
) -> None:
    assert choose_notify(spec(of_file), current, run, settings) == chosen


def intended(
    of_file: Notify | None, in_force: Notify, environ: dict[str, str], held: dict[str, str]
) -> Intent:
    intent = Intent(config(of_file, in_force), (placement(),), Protection(), replaces_active_run=False)
    return with_webhook(intent, SecretValues({"TOKEN": "t"}), environ, held)


def test_the_address_is_a_secret_of_the_stack_and_nowhere_else() -> None:
    found = intended(FILE, FILE, {"FILE_HOOK": ADDRESS}, {})
    assert dict(found.secrets.values) == {"TOKEN": "t", "FILE_HOOK": ADDRESS}
    assert found.config.secret_names == ("FILE_HOOK",)
    assert "planted-value" not in str(found.config.to_values()) + str(found)
    told = run_spec(found.config)
    assert told["notify"] == {
        "webhook": "/runctl/digits/FILE_HOOK",
        "format": "auto",
        "on": ["end", "failure", "interruption", "budget", "silence"],
    }
    assert told["secrets"] == [], "the job does not get it"
    assert StackConfig.from_values(found.config.to_values()) == found.config
    assert "notify" not in run_spec(stack_config())


def test_the_address_that_the_stack_keeps_serves_where_the_variable_is_not_set() -> None:
    found = intended(FILE, FILE, {}, {"FILE_HOOK": ADDRESS})
    assert (found.secrets.values["FILE_HOOK"], found.secrets.kept) == (ADDRESS, ("FILE_HOOK",))


def test_a_webhook_of_the_settings_that_is_not_set_stops_no_job() -> None:
    found = intended(None, FROM_SETTINGS, {}, {})
    assert found.config.notify is None
    assert found.notes == ("notify: OWN_HOOK is not set, so that nobody is told of this job",)
    assert dict(found.secrets.values) == {"TOKEN": "t"}


@pytest.mark.parametrize(
    ("environ", "what"),
    [
        ({}, "Secrets of job 'digits' are not set: FILE_HOOK."),
        (
            {"FILE_HOOK": "http://evil.example/planted-value"},
            "The webhook of job 'digits' cannot be used: the value of FILE_HOOK must be an https:// address; "
            "http:// is for this machine only.",
        ),
        (
            {"FILE_HOOK": "planted-value"},
            "The webhook of job 'digits' cannot be used: the value of FILE_HOOK is no address of a webhook.",
        ),
    ],
)
def test_a_webhook_of_the_job_file_must_be_one(environ: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError) as raised:
        intended(FILE, FILE, environ, {})
    assert raised.value.what == what
    assert raised.value.where["field"] == "notify.webhook"
    assert "planted-value" not in str(vars(raised.value))


@pytest.mark.parametrize(
    "notify",
    [
        {},
        {"format": "json"},
        {"webhook": "https://hooks.slack.com/planted-value"},
        {"webhook": "RUNCTL_HOOK"},
        {"command": " "},
        {"webhook": "HOOK", "on": []},
        {"webhook": "HOOK", "on": ["start"]},
        {"webhook": "HOOK", "format": "xml"},
    ],
)
def test_what_a_job_file_may_not_say(notify: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="notify"):
        job_spec(notify=notify)
