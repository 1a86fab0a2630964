"""``offers``: what the cloud offers for a job file, with prices, in the order in which ``up`` tries it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import NoCapacityError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.current_job import job_without_engine
from runctl_auto.jobs.intent import zone_of_volumes
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.volumes_of_job import with_ids_of_volumes
from runctl_auto.placement.choice import MOST_TRIED, Choice, look_for_places, no_place
from runctl_auto.placement.order import RankedOffer


@dataclass(frozen=True)
class FoundOffers:
    """The offers for a job. ``zone``: the only one possible, where its volumes are. ``problem``: why it has
    no place, None when it has one.
    """

    job: str
    region: str
    choice: Choice
    zone: str | None
    problem: NoCapacityError | None

    @property
    def fitting(self) -> tuple[RankedOffer, ...]:
        """Those that ``up`` may take, the preferred first."""
        return tuple(each for each in self.choice.offers if each.offer.left_out is None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known of the offers as a whole."""
        tied = [f"the job's volumes are in {self.zone}: no other zone is possible"] if self.zone else []
        return (*tied, *self.choice.notes, *self.choice.unusable)

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "region": self.region,
            "zone": self.zone,
            "offers": [each.as_json() for each in self.choice.offers],
            "most_tried": MOST_TRIED,
            "notes": list(self.notes),
        }


def find_offers(session: Session, spec: JobSpec) -> FoundOffers:
    """The offers for ``spec``, also when there is no place. Makes nothing and needs no stack."""
    with session.reporter.working("looking for places"):
        spec = with_ids_of_volumes(session, spec)
        provider = session.provider(spec.region)
        account = provider.account()
        zone = zone_of_volumes(provider, spec, job_without_engine(session, spec.name), account)
        known = session.prices.region(spec.region)
        choice = look_for_places(spec, provider, account, zone=zone, known=known)
    problem = None if choice.places else no_place(spec, choice, zone)
    return FoundOffers(spec.name, spec.region, choice, zone, problem)
