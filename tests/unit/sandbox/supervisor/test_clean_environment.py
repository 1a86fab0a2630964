import pytest

from sandbox.supervisor.part_process import clean_environment


def test_parts_do_not_get_what_steers_python_aws_or_pulumi(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "PULUMI_HOME", "PYTHONPATH", "RUNCTL_ENGINE", "MOTO_PORT", "LD_PRELOAD"):
        monkeypatch.setenv(name, "theirs")
    for name in ("RUNCTL_SANDBOX_ISOLATION", "PIP_INDEX_URL", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "kept")
    environment = clean_environment({"AWS_ENDPOINT_URL": "ours"})
    assert "theirs" not in environment.values()
    assert environment["AWS_ENDPOINT_URL"] == "ours"
    assert list(environment.values()).count("kept") == 3
