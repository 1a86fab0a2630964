"""The hierarchy of errors: exit codes are a contract, and each error can be told in full."""

from __future__ import annotations

import pytest

from runctl_auto import errors
from runctl_auto.engine.install import errors as install_errors
from runctl_auto.errors import ExitCode, FieldProblem, JobFileError, NoCapacityError, RunctlError

EXIT_CODES = {
    "AccessDeniedError": 1,
    "BalanceSpentError": 1,
    "CloudError": 1,
    "ChecksumMismatchError": 1,
    "CheckpointDamagedError": 1,
    "ConfirmationNeededError": 1,
    "CredentialsError": 1,
    "DamagedDataError": 1,
    "DiskFullError": 1,
    "EngineError": 1,
    "EngineInstallError": 1,
    "EngineNotFoundError": 1,
    "ExtraMissingError": 7,
    "FileChangedError": 1,
    "InterruptedByUserError": 130,
    "InterruptionsExhaustedError": 1,
    "MachineLostError": 1,
    "JobEndedError": 1,
    "JobFileError": 7,
    "JobNotFoundError": 7,
    "LeakedError": 5,
    "LocalDiskFullError": 1,
    "MachineNeverReportedError": 1,
    "NameTakenError": 7,
    "NoCapacityError": 6,
    "NoGoError": 1,
    "NotFoundError": 1,
    "NotSupportedError": 7,
    "ObjectChangedError": 1,
    "OperationCancelledError": 130,
    "PackagingError": 7,
    "PlacementRefusedError": 6,
    "PlanChangedError": 4,
    "PlanOutdatedError": 1,
    "PolicyViolationError": 4,
    "ProgramError": 1,
    "ProtectedError": 4,
    "RetriesExhaustedError": 1,
    "SandboxError": 1,
    "SettingsError": 7,
    "SourceUnreachableError": 1,
    "StackLockedError": 1,
    "MachineNotReachableError": 1,
    "RemoteCommandError": 1,
    "SessionRefusedError": 4,
    "SubnetFullError": 6,
    "TakenBackError": 6,
    "ThrottledError": 1,
    "TrainingFailedError": 3,
    "TransferDiffersError": 1,
    "TransferIncompleteError": 1,
    "TransferRunningError": 1,
    "UnfetchedArtifactsError": 4,
    "UnreadableStatusError": 1,
    "TooManyJobsError": 4,
    "BudgetSpentError": 4,
    "UnreachableError": 1,
    "UnsettledError": 1,
    "UntrustedError": 7,
    "WaitTimedOutError": 1,
    "UsageError": 7,
    "VolumeCooldownError": 1,
}


assert install_errors  # its kinds are in the hierarchy once it is imported


def all_kinds(root: type[RunctlError]) -> set[type[RunctlError]]:
    below = root.__subclasses__()
    return set(below).union(*(all_kinds(each) for each in below))


def public_kinds() -> dict[str, type[RunctlError]]:
    return {each.__name__: each for each in all_kinds(RunctlError) if not each.__name__.startswith("_")}


def test_every_error_ends_the_program_with_its_exit_code() -> None:
    assert {name: int(each.exit_code) for name, each in public_kinds().items()} == EXIT_CODES


def test_kinds_are_unique_words_for_programs() -> None:
    kinds = [each.kind for each in public_kinds().values()]
    assert len(kinds) == len(set(kinds))


def test_exit_codes_are_the_documented_ones() -> None:
    assert {each.name: each.value for each in ExitCode} == {
        "DONE": 0,
        "FAILURE": 1,
        "CHANGES": 2,
        "TRAINING_FAILED": 3,
        "REFUSED": 4,
        "LEAKED": 5,
        "NO_CAPACITY": 6,
        "USAGE": 7,
        "INTERRUPTED": 130,
    }


def test_an_error_tells_what_where_why_and_what_to_do() -> None:
    error = NoCapacityError(
        "No machine.", code="VcpuLimitExceeded", where={"job": "digits"}, next_step="Wait."
    )
    error.__cause__ = ValueError("the cause")
    assert error.as_json() == {
        "kind": "no-capacity",
        "what": "No machine.",
        "where": {"job": "digits"},
        "causes": ["the cause"],
        "next_step": "Wait.",
        "exit_code": 6,
        "code": "VcpuLimitExceeded",
        "trail": [],
    }


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            FieldProblem("job.yaml", 3, 5, "nmae", "unknown key", nearest="name"),
            "job.yaml:3:5: nmae: unknown key; did you mean 'name'?",
        ),
        (
            FieldProblem("job.yaml", 7, None, "nodes", "too small", found="0", allowed="1 or more"),
            "job.yaml:7: nodes: too small; found 0; allowed: 1 or more",
        ),
        (FieldProblem("job.yaml", None, None, "", "not YAML"), "job.yaml: not YAML"),
    ],
)
def test_a_problem_of_a_file_names_its_place(problem: FieldProblem, text: str) -> None:
    assert str(problem) == text


def test_a_job_file_error_lists_all_problems() -> None:
    problems = [FieldProblem("j", 1, 1, "a", "bad"), FieldProblem("j", 2, 1, "b", "worse")]
    error = JobFileError("the job file is not valid", problems=problems)
    assert str(error).splitlines() == ["the job file is not valid", "  j:1:1: a: bad", "  j:2:1: b: worse"]
    assert [each["field"] for each in error.as_json()["problems"]] == ["a", "b"]  # type: ignore[attr-defined]


def test_training_failures_and_exhausted_retries_carry_their_numbers() -> None:
    assert errors.TrainingFailedError("x", training_exit_code=9).as_json()["training_exit_code"] == 9
    assert errors.RetriesExhaustedError("x", attempts=5, code="InternalError").details() == {
        "code": "InternalError",
        "attempts": 5,
    }
