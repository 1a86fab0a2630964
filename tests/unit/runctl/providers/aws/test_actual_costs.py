"""What Cost Explorer tells of jobs."""

from __future__ import annotations

from datetime import date
from typing import Any

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.actual_costs import actual_costs


def group(key: str, amount: str, unit: str = "USD") -> dict[str, Any]:
    return {"Keys": [key], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": unit}}}


class CostExplorer:
    """Two pages of two months."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_cost_and_usage(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if "NextPageToken" not in asked:
            first = [group("runctl:job$digits", "1.25"), group("runctl:job$", "99")]
            return {"ResultsByTime": [{"Groups": first}], "NextPageToken": "2"}
        second = [
            group("runctl:job$digits", "0.5"),
            group("runctl:job$eyes", "3"),
            group("runctl:job$cn", "9", "CNY"),
        ]
        return {"ResultsByTime": [{"Groups": second}, {"Total": {}}]}


def test_costs_add_up_by_job_over_months_and_pages() -> None:
    explorer = CostExplorer()
    cloud = Cloud(lambda service, region: explorer, "eu-west-1")
    assert actual_costs(cloud, date(2026, 1, 15), date(2026, 2, 10)) == {"digits": 1.75, "eyes": 3.0}
    asked = explorer.asked[0]
    assert asked["TimePeriod"] == {"Start": "2026-01-15", "End": "2026-02-10"}
    assert asked["Filter"] == {"Tags": {"Key": "runctl:created-by", "Values": ["runctl"]}}
    assert asked["GroupBy"] == [{"Type": "TAG", "Key": "runctl:job"}]
