"""Sessions with a fake engine and provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

from support.agent_stand_ins import MemoryStore
from support.job_stacks import FakeTime, Told
from support.versioned_in_memory import VersionedInMemory

from runctl_auto.backend.backend import Backend
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.jobs.session import Session, Time
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.aws.records.catalogue import KINDS
from runctl_auto.providers.contract import (
    Account,
    Machine,
    MachineGroup,
    OwnVolumes,
    Provider,
    Results,
    Scanner,
)
from runctl_auto.providers.resource import NOTHING_RELATED, Survey
from runctl_auto.settings.schema import Settings

ACCOUNT = "111122223333"


def fake_results(**answers: Any) -> Any:
    """An empty store; ``answers`` are return values by method."""
    results = create_autospec(Results, instance=True)
    results.name = "runctl-digits-artifacts-1"
    empty = {
        "status": None,
        "stop_request": None,
        "runs": (),
        "artifacts": None,
        "has_unlisted_artifacts": False,
        "log_parts": (),
        "objects": MemoryStore(),
    }
    for method, answer in {**empty, **answers}.items():
        getattr(results, method).return_value = answer
    return results


def fake_scanner(*found: Any) -> Any:
    """Finds ``found``, all of them certainly the job's own."""
    scanner = create_autospec(Scanner, instance=True, kinds=KINDS)
    scanner.find.return_value = found
    scanner.survey.return_value = Survey(found)
    scanner.relations.return_value = NOTHING_RELATED
    scanner.pending_unlisted.return_value = ()
    scanner.unrecorded_unlisted.return_value = ()
    scanner.is_surely_own.return_value = True
    return scanner


def fake_provider(*, results: Any = None, scanner: Any = None, machine: str = "running") -> Any:
    """A provider of one account, in which every machine is in the state ``machine``."""
    provider = create_autospec(Provider, instance=True, kinds=KINDS, region="us-east-1")
    provider.account.return_value = Account(ACCOUNT, "aws")
    provider.machine.side_effect = lambda identity: Machine(identity, machine)
    provider.machines.side_effect = lambda identities: {each: provider.machine(each) for each in identities}
    provider.results.return_value = fake_results() if results is None else results
    provider.scanner.return_value = fake_scanner() if scanner is None else scanner
    provider.statuses.side_effect = lambda runs: [None for _ in runs]
    provider.volumes.return_value = {}
    provider.blockers.return_value = ()
    provider.tagged_machines.return_value = ()
    provider.groups.side_effect = lambda names: {each: MachineGroup(each, 1, ("i-1",)) for each in names}
    provider.launches.return_value = ()
    provider.machine_fits.return_value = True
    provider.console.return_value = ""
    provider.data_notes.return_value = ()

    def zone_of_volumes(spec: Any, account: Account, own: OwnVolumes) -> str | None:
        return own.zone

    provider.zone_of_volumes.side_effect = zone_of_volumes
    return provider


def fake_session(
    folder: Path = Path("/dev/null/nowhere"),
    *,
    driver: Any = None,
    provider: Any = None,
    told: Told | None = None,
    clock: FakeTime | None = None,
    time: Time | None = None,
    backend: str = "file:///state",
    settings: Settings | None = None,
) -> Session:
    """A session of ``bob`` in ``folder``, with the same provider in every region."""
    clock = clock or FakeTime()
    provider = provider or fake_provider()
    driver = driver or create_autospec(Driver, instance=True)
    if not hasattr(driver.backend, "documents"):  # a mock of the property, not of what it returns
        driver.backend = create_autospec(Backend, instance=True)
        driver.backend.documents.return_value = driver.backend.document.return_value = None
    files = getattr(driver.backend, "versioned_files", None)
    if type(driver.backend) is not Backend and not isinstance(files, VersionedInMemory):
        driver.backend.versioned_files = None
    return Session(
        settings or Settings(owner="bob"),
        ProjectFolders(folder),
        create_autospec(Environment, instance=True, backend=backend),
        driver,
        lambda region: provider,
        told or Told(),
        time or Time(sleep=clock.sleep, monotonic=clock.monotonic),
    )
