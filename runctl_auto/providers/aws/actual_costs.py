"""What AWS has billed for jobs, from Cost Explorer.

Cost Explorer groups by a tag only once it is activated as a cost allocation tag, and lags by up to a day. A
request costs 0.01 USD (AWS's page of prices, 2026).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date

from components import tags
from runctl_auto.providers.aws.access import Cloud


def actual_costs(cloud: Cloud, since: date, until: date) -> Mapping[str, float]:
    """USD by job from the day ``since`` until before the day ``until``; a job that is not billed is absent.

    Raises CloudError.
    """
    periods = cloud.pages(
        "ce",
        "get_cost_and_usage",
        "ResultsByTime",
        TimePeriod={"Start": since.isoformat(), "End": until.isoformat()},
        Granularity="MONTHLY",
        Metrics=["UnblendedCost"],
        Filter={"Tags": {"Key": tags.CREATED_BY, "Values": [tags.CREATOR]}},
        GroupBy=[{"Type": "TAG", "Key": tags.JOB}],
    )
    found: defaultdict[str, float] = defaultdict(float)
    for period in periods:
        for group in period.get("Groups") or ():
            job = str(group["Keys"][0]).partition("$")[2]
            cost = group["Metrics"]["UnblendedCost"]
            if job and cost.get("Unit") == "USD":
                found[job] += float(cost["Amount"])
    return dict(found)
