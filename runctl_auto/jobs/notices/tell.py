"""Tells people of jobs from where runctl runs: what their machines did not tell, and the monthly budgets.

The marks (``agent.notice_marks``) decide who sends: machine or command, and which of several commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from runctl_auto.agent.contract import Phase
from runctl_auto.agent.notices.machine_notices import ended_text
from runctl_auto.agent.notices.notice import (
    Notice,
    ended_key,
    interrupted_key,
    prefix_for,
    silent_key,
)
from runctl_auto.agent.notices.notice_command import NoticeCommand
from runctl_auto.agent.notices.notice_contract import Event
from runctl_auto.agent.notices.notice_marks import MarkPlace
from runctl_auto.agent.notices.notice_sender import Channel, NoticeQueue, SendOnce
from runctl_auto.agent.notices.webhook import Webhook, checked_address
from runctl_auto.agent.store.web import Web
from runctl_auto.cost.budgets import Budget
from runctl_auto.cost.spent import known
from runctl_auto.job_file.spec import Notify
from runctl_auto.jobs.bills.budget_check import told_of_budget
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.observe.notices import BackendMarks
from runctl_auto.providers.contract import Provider
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig

DRAIN_SECONDS = 10.0
"""How long a command waits at its end for deliveries."""
NEWS = timedelta(hours=1)
"""An end that is older is no news to a command that sees the run for the first time."""
_FOLDER = "runctl-notices"
_WEBHOOK = "webhook"
_HERE = "command-here"


class Notices:
    """Notices of one command. All methods return at once, but for ``drain``; none raises for a notice.

    ``by`` is the command, for people. ``web`` is replaced in tests.
    """

    def __init__(self, session: Session, by: str, web: Web | None = None) -> None:
        self._session = session
        self._by = f"runctl {by}"
        self._web = web
        self._queue = NoticeQueue()
        self._said: set[str] = set()
        self._told: set[tuple[str, ...]] = set()
        self._problems: list[str] = []
        self._providers: dict[str, Provider] = {}

    def tell_of(self, config: StackConfig) -> bool:
        """Whether anybody is told of this job from here."""
        webhook = config.notify.webhook if config.notify is not None else None
        return webhook is not None or self._session.settings.notify.command is not None

    def ended(self, config: StackConfig, status: RunStatus, *, is_news: bool = True) -> None:
        """The end of a run; without ``is_news`` only if it was within the last hour."""
        if not status.ended or not (is_news or self._is_recent(status.ended_at)):
            return
        event = Event.FAILURE if status.phase == Phase.FAILED else Event.END
        text = ended_text(config.job.name, status.phase, status.exit_code, status.message)
        details = {"phase": status.phase, "reason": status.reason, "exit_code": status.exit_code}
        self._of_run(config, event, ended_key(), text, details)

    def interrupted(self, config: StackConfig, machine: str | None, why: str) -> None:
        """The run goes on and has lost its machine."""
        text = f"{config.job.name}: the run has lost its machine {machine or ''}: {why}"
        self._of_run(config, Event.INTERRUPTION, interrupted_key(machine), text, {"machine": machine})

    def silent(self, config: StackConfig, machine: str, seconds: float) -> None:
        """A machine that runs has not reported for some time."""
        text = f"{config.job.name}: machine {machine} has not reported for {seconds / 60:.0f} minutes"
        details = {"machine": machine, "seconds": round(seconds)}
        self._of_run(config, Event.SILENCE, silent_key(machine), text, details)

    def budgets(self, found: Sequence[Budget]) -> None:
        """The steps that monthly budgets have reached, each once a month."""
        files = self._session.driver.backend.versioned_files
        wanted = self._session.settings.notify
        now = self._session.time.now()
        for each in found:
            if not each.step or Event.BUDGET not in wanted.on or not (wanted.webhook or wanted.command):
                continue
            if files is None:
                self._say("notify: budgets are not told, since only the engine writes to this backend")
                return
            name = hashlib.sha256(each.of.encode()).hexdigest()[:12]
            key = f"{name}-{each.step}"
            details = {"of": each.of, "step": each.step, "budget": each.usd, "spent": known(each.spent)}
            notice = Notice(Event.BUDGET, key, told_of_budget(each), _rfc3339(now), details=details)
            self._add(notice, BackendMarks(files), f"{_FOLDER}/{PROJECT_NAME}/{now:%Y-%m}/", None)

    def drain(self, seconds: float = DRAIN_SECONDS) -> None:
        """Waits for deliveries, and says which failed."""
        if not self._queue.drain(seconds):
            self._say("notify: notices are still being sent; they are not waited for")
        problems, self._problems = self._problems, []
        for each in problems:
            self._say(each)

    def _of_run(
        self, config: StackConfig, event: str, key: str, text: str, details: Mapping[str, Any]
    ) -> None:
        run = config.run.id
        if not self.tell_of(config):
            return
        if (run, key) in self._told:
            return
        self._told.add((run, key))
        at = _rfc3339(self._session.time.now())
        notice = Notice(event, key, text, at, job=config.job.name, run=run, details=details)
        results = self._provider(config.placement.region).results
        place = results(config.job.name, config.placement.account).objects()
        self._add(notice, place, prefix_for(run, event), config)

    def _provider(self, region: str) -> Provider:
        """One for the thread that sends: providers are not shared between threads."""
        if region not in self._providers:
            self._providers[region] = self._session.make_provider(region)
        return self._providers[region]

    def _add(self, notice: Notice, place: MarkPlace, prefix: str, config: StackConfig | None) -> None:
        channels = dict(self._channels(notice, config))
        if not channels:
            return
        sender = SendOnce(lambda: channels, self._by, self._problems.append)
        if not self._queue.add(partial(sender.send, notice, place, prefix)):
            self._say("notify: too many notices wait for their delivery; some are not sent")

    def _channels(self, notice: Notice, config: StackConfig | None) -> Iterator[tuple[str, Channel]]:
        settings = self._session.settings.notify
        wanted = config.notify if config is not None else _own(self._session)
        if wanted is not None and wanted.webhook is not None and notice.event in wanted.on:
            address = self._address(wanted.webhook, notice)
            if address is not None:
                yield _WEBHOOK, Webhook(self._web or Web(), address, wanted.format)
        if settings.command is not None and notice.event in settings.on:
            folder = self._session.folders.root
            yield _HERE, NoticeCommand(settings.command, self._session.shell, folder)

    def _address(self, name: str, notice: Notice) -> str | None:
        value = self._session.shell.get(name)
        if not value:
            who = f" of job '{notice.job}'" if notice.job else ""
            self._say(f"notify: {name} is not set here, so that the notices{who} are not sent from here")
            return None
        try:
            return checked_address(value)
        except ValueError as error:
            self._say(f"notify: the value of {name} {error}")
            return None

    def _is_recent(self, at: str | None) -> bool:
        try:
            moment = datetime.fromisoformat((at or "").replace("Z", "+00:00"))
        except ValueError:
            return False
        return self._session.time.now() - moment <= NEWS

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._session.reporter.say(text)


def _own(session: Session) -> Notify | None:
    """Whom the settings name for what belongs to no job."""
    wanted = session.settings.notify
    if wanted.webhook is None:
        return None
    return Notify(webhook=wanted.webhook, format=wanted.format, on=wanted.on)


def _rfc3339(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
