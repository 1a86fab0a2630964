import pytest

from sandbox.hosts.machine_settings import is_passed_on
from sandbox.supervisor.part_process import clean_environment

FOREIGN = (
    "AWS_PROFILE",
    "AWS_SECRET_ACCESS_KEY",
    "CI_JOB_TOKEN",
    "GITHUB_TOKEN",
    "HF_TOKEN",
    "LD_PRELOAD",
    "MOTO_PORT",
    "PULUMI_CONFIG_PASSPHRASE",
    "PYTHONPATH",
    "RUNCTL_ENGINE",
    "RUNCTL_SANDBOX_TOKEN",
    "SSH_AUTH_SOCK",
    "WANDB_API_KEY",
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*FOREIGN, "PIP_INDEX_URL", "HTTPS_PROXY", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "theirs")
    for name in ("RUNCTL_SANDBOX_ISOLATION", "LC_ALL", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, "kept")


def test_processes_keep_nothing_of_the_caller_but_what_every_program_needs() -> None:
    environment = clean_environment({"AWS_ENDPOINT_URL": "ours"})
    assert "theirs" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == "ours"
    assert list(environment.values()).count("kept") == 4


def test_the_hosts_process_also_keeps_what_hosts_get() -> None:
    environment = clean_environment({}, is_passed_on)
    theirs = {name for name, value in environment.items() if value == "theirs"}
    assert theirs == {"PIP_INDEX_URL", "HTTPS_PROXY", "XDG_CONFIG_HOME"}
