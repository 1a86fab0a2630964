"""What RunPod has billed for jobs.

Its bills know pods and network volumes by their ids alone, and none of runctl's names: which job an id was of
is known from the statuses of the runs, and told with the question.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from runctl_auto.errors import CloudError
from runctl_auto.providers.runpod.client import Query, RunpodClient

_BILLS = (("/v2/billing/pods", "podId"), ("/v2/billing/network-volumes", "networkVolumeId"))


def billed(client: RunpodClient, since: date, until: date, owners: Mapping[str, str]) -> Mapping[str, float]:
    """USD by job from the day ``since`` until before the day ``until`` in UTC, for pods and network volumes.

    ``owners`` is the job of each id; other ids are left out. Two requests; none without ``owners``.

    Raises CloudError.
    """
    found: defaultdict[str, float] = defaultdict(float)
    query: Query = {
        "startTime": f"{since.isoformat()}T00:00:00Z",
        "endTime": f"{until.isoformat()}T00:00:00Z",
        "bucketSize": "day",
    }
    for path, identity in _BILLS if owners else ():
        for record in _records(client, path, query):
            job, usd = owners.get(str(record.get(identity))), record.get("totalAmount")
            if job is not None and isinstance(usd, int | float):
                found[job] += usd
    return dict(found)


def _records(client: RunpodClient, path: str, query: Query) -> list[Mapping[str, object]]:
    records = client.read(path, query).get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise CloudError(
            f"RunPod's answer to GET {path} has no list 'records'.", where={"provider": "runpod"}
        )
    return records
