"""Finds a job's resources in the emulated cloud, independently of runctl's own search.

Reads the emulator's own stores (no AWS calls). A resource is the job's by tag, by name or by its parent.
"""

from __future__ import annotations

from dataclasses import dataclass

from support.cloud_keys import control


@dataclass(frozen=True)
class Found:
    kind: str
    id: str
    name: str
    why: str


def read_inventory(cloud_url: str) -> dict[str, list[dict]]:
    return control(cloud_url, "GET", "inventory")


def resources_of(job: str, inventory: dict[str, list[dict]]) -> list[Found]:
    found: dict[str, Found] = {}
    for kind, rows in inventory.items():
        for row in rows:
            if row["tags"].get("runctl:job") == job:
                found[row["id"]] = Found(kind, row["id"], row["name"], "tag")
            elif row["name"].startswith((f"runctl-{job}-", f"/runctl/{job}/")):
                found[row["id"]] = Found(kind, row["id"], row["name"], "name")
    grown = True
    while grown:
        grown = False
        for kind, rows in inventory.items():
            for row in rows:
                if row["parent"] in found and row["id"] not in found:
                    found[row["id"]] = Found(kind, row["id"], row["name"], f"belongs to {row['parent']}")
                    grown = True
    return sorted(found.values(), key=lambda one: (one.kind, one.id))


def leaks(job: str, cloud_url: str) -> list[Found]:
    """All live resources of the job in the emulated cloud; empty when there are none."""
    return resources_of(job, read_inventory(cloud_url))
