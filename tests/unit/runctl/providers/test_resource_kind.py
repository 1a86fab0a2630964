"""The tables that follow from a provider's records, for a provider of which runctl knows nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from runctl_auto.leftovers.removal import remove_all
from runctl_auto.providers.resource import CloudResource
from runctl_auto.providers.resource_kind import Kinds
from runctl_auto.stack.state import parse_state


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A record of another provider, whose client is a list of what was removed."""

    name: str
    types: tuple[str, ...] = ()
    is_listed: bool = True
    is_machine: bool = False
    launches_machines: bool = False
    made_by_stacks: bool = False
    has_creation_time: bool = True
    id_in_state_is_name: bool = False
    separate_if_named_as_parent: bool = False
    needs_running_machine: bool = False
    parents: tuple[str, ...] = ()
    managed_with: tuple[str, ...] = ()
    removed_after: tuple[str, ...] = ()

    def remove(self, cloud: list[str], resource: CloudResource, account: str) -> None:
        cloud.append(f"{resource.id} of {account}")


DISK = Kind(name="disk", types=("x:Disk",), parents=("pod",), removed_after=("pod",))
POD = Kind(name="pod", types=("x:Pod",), is_machine=True)


def test_what_must_go_first_is_removed_first() -> None:
    kinds, cloud = Kinds([DISK, POD]), list[str]()
    resources = [
        CloudResource("disk", "d", ""),
        CloudResource("other", "o", ""),
        CloudResource("pod", "p", ""),
    ]
    removed = remove_all(resources, kinds, lambda each: kinds[each.kind].remove(cloud, each, "me"))
    assert kinds.removal_order == ("pod", "disk")
    assert [each.kind for each in removed] == ["pod", "disk"]
    assert cloud == ["p of me", "d of me"]


def test_kinds_are_found_by_name_and_type() -> None:
    kinds = Kinds([DISK, POD, Kind(name="mount", types=("x:Mount",), is_listed=False)])
    assert kinds["pod"] is POD
    assert kinds.of_type("x:Disk") is DISK
    assert kinds.of_type("x:Mount") is kinds.of_type("x:Unknown") is None
    assert kinds.listed == {"disk", "pod"}
    held = [{"urn": "u", "type": token, "id": "i", "custom": True} for token in ("x:Pod", "x:Mount")]
    assert kinds.keys_in(parse_state({"resources": held})) == {("pod", "i")}


def test_a_parent_is_known_by_its_kinds_and_a_state_may_know_a_resource_by_its_name() -> None:
    kinds = Kinds([DISK, POD, Kind(name="key", id_in_state_is_name=True)])
    assert kinds.parent_keys(CloudResource("disk", "d", "", parent="p")) == {("pod", "p")}
    assert kinds.parent_keys(CloudResource("disk", "d", "")) == frozenset()
    assert kinds.state_keys(CloudResource("key", "k-1", "", name="mine")) == {("key", "k-1"), ("key", "mine")}
    assert kinds.state_keys(CloudResource("disk", "d", "", name="mine")) == {("disk", "d")}


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([DISK], "unknown kinds: \\['pod'\\]"),
        ([POD, POD], "same name"),
        ([POD, Kind(name="b", types=("x:Pod",))], "same Pulumi type"),
        ([POD, Kind(name="b", managed_with=("pod",))], "not its parent"),
        ([Kind(name="a", removed_after=("b",)), Kind(name="b", removed_after=("a",))], "a -> b -> a"),
    ],
)
def test_records_that_contradict_each_other_are_refused(records: list[Kind], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Kinds(records)
