"""What deciding needs beside the job as it is: the packages that travel, and the account."""

from __future__ import annotations

from dataclasses import dataclass

from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.session import Surroundings
from runctl_auto.packaging.package import package_agent, package_code
from runctl_auto.packaging.work_folder import WorkFolder
from runctl_auto.providers.contract import Account


@dataclass(frozen=True)
class Material:
    """What deciding needs and the job as it is does not change."""

    account: Account
    code_sha256: str
    agent_sha256: str


def gather(session: Surroundings, job: CheckedJob) -> Material:
    """Packages the work folder and the agent, and asks the cloud for the account."""
    packages = session.folders.make_private("packages")
    code = package_code(travelling(session, job.work_folder), packages)
    agent = package_agent(packages)
    account = session.provider(job.spec.region).account()
    return Material(account, code.sha256, agent.sha256)


def travelling(session: Surroundings, work: WorkFolder) -> WorkFolder:
    """What of a work folder travels: results that were fetched to a folder that the settings name are no
    code.
    """
    return work.without_results((session.folders.root / session.settings.checkpoint.directory).resolve())
