"""One record for each kind of resource that runctl can leave in a provider's cloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from runctl_auto.providers.resource import CloudResource, Key
from runctl_auto.stack.state import StackState

ClientT_contra = TypeVar("ClientT_contra", contravariant=True)


class ResourceKind(Protocol[ClientT_contra]):
    """The record of one kind. Kinds refer to each other by name.

    ``ClientT_contra`` is the provider's client, with which resources are deleted.
    """

    @property
    def name(self) -> str:
        """The name of the kind in output and JSON."""

    @property
    def types(self) -> tuple[str, ...]:
        """Pulumi type tokens of this kind."""

    @property
    def is_listed(self) -> bool:
        """Whether the provider's list calls return it; otherwise only its parent shows that it exists."""

    @property
    def is_machine(self) -> bool:
        """Whether it runs a job, so that the job's limits apply and its parts stay with it."""

    @property
    def launches_machines(self) -> bool:
        """Whether the cloud launches machines for it, so that a stack which holds it has a machine."""

    @property
    def made_by_stacks(self) -> bool:
        """Whether an interrupted update of a stack can leave one that the next update would not adopt."""

    @property
    def has_creation_time(self) -> bool:
        """Whether the provider reports the creation time."""

    @property
    def id_in_state_is_name(self) -> bool:
        """Whether Pulumi's id of the resource is its name, and not the provider's id."""

    @property
    def parents(self) -> tuple[str, ...]:
        """Kinds that ``CloudResource.parent`` can be the id of."""

    @property
    def managed_with(self) -> tuple[str, ...]:
        """Parents whose stack manages this resource too, although its state does not contain it."""

    @property
    def separate_if_named_as_parent(self) -> bool:
        """Whether one with its parent's name is managed only by a stack whose state contains it."""

    @property
    def needs_running_machine(self) -> bool:
        """Whether only a running machine of the job can complete it; without one it is a leftover."""

    @property
    def removed_after(self) -> tuple[str, ...]:
        """Kinds that must be deleted before it."""

    def remove(self, cloud: ClientT_contra, resource: CloudResource, account: str) -> None:
        """Deletes the resource and blocks until that is complete. Raises ``CloudError``."""


KindT_co = TypeVar("KindT_co", bound=ResourceKind[Any], covariant=True)


class Kinds(Generic[KindT_co]):
    """The records of a provider, and the tables derived from them. Raises ``ValueError`` for records that
    refer to unknown kinds, share a name or a type, or wait for each other.
    """

    def __init__(self, records: Sequence[KindT_co]) -> None:
        self._by_name = {each.name: each for each in records}
        self._by_type = {token: each for each in records for token in each.types}
        self._refuse_contradictions(records)
        self.listed = frozenset(each.name for each in records if each.is_listed)
        """Names of all kinds that can be searched for."""
        self.removal_order = tuple(self._prerequisites_first(records))
        """Names of all kinds, each after those that must be deleted before it."""

    def __getitem__(self, name: str) -> KindT_co:
        return self._by_name[name]

    def __iter__(self) -> Iterator[KindT_co]:
        return iter(self._by_name.values())

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def of_type(self, token: str) -> KindT_co | None:
        """The kind of a Pulumi type token; None for a type that cannot be searched for."""
        kind = self._by_type.get(token)
        return kind if kind is not None and kind.is_listed else None

    def keys_in(self, state: StackState) -> frozenset[Key]:
        """Keys of all resources of a state whose kinds can be searched for."""
        resources = ((self.of_type(each.type), each.id) for each in state.in_cloud() if each.id)
        return frozenset((kind.name, identity) for kind, identity in resources if kind is not None)

    def state_keys(self, resource: CloudResource) -> frozenset[Key]:
        """Keys under which a state can contain the resource."""
        if self._by_name[resource.kind].id_in_state_is_name:
            return frozenset({resource.key, (resource.kind, resource.name)})
        return frozenset({resource.key})

    def parent_keys(self, resource: CloudResource) -> frozenset[Key]:
        """Keys that the resource's parent can have; empty if it has no parent."""
        kinds = self._by_name[resource.kind].parents if resource.parent else ()
        return frozenset((kind, resource.parent) for kind in kinds)

    def _refuse_contradictions(self, records: Sequence[ResourceKind[Any]]) -> None:
        if len(self._by_name) < len(records):
            raise ValueError("two records have the same name")
        if len(self._by_type) < sum(len(each.types) for each in records):
            raise ValueError("two records have the same Pulumi type")
        for each in records:
            unknown = {*each.parents, *each.removed_after} - self._by_name.keys()
            if unknown:
                raise ValueError(f"the record of '{each.name}' refers to unknown kinds: {sorted(unknown)}")
            if not set(each.managed_with) <= set(each.parents):
                raise ValueError(f"'{each.name}' is managed with a kind that is not its parent")

    def _prerequisites_first(self, records: Sequence[ResourceKind[Any]]) -> Iterator[str]:
        done: set[str] = set()

        def visit(kind: ResourceKind[Any], path: tuple[str, ...]) -> Iterator[str]:
            if kind.name in path:
                raise ValueError(f"kinds wait for each other: {' -> '.join((*path, kind.name))}")
            if kind.name in done:
                return
            for name in kind.removed_after:
                yield from visit(self._by_name[name], (*path, kind.name))
            done.add(kind.name)
            yield kind.name

        for each in records:
            yield from visit(each, ())


AnyKinds = Kinds[ResourceKind[Any]]
"""Records that are only read: the type of the provider's client does not matter."""
