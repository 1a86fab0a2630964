"""The providers that an import needs and the stack does not have yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sandbox.engine import urn as urns
from sandbox.engine.deploy.check_failures import refusal
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.providers.api import CheckCall, ProviderError
from sandbox.engine.deploy.providers.default_resources import default_inputs, default_name, with_source
from sandbox.engine.model import PROVIDER_TYPE_PREFIX, Resource
from sandbox.engine.properties import PropertyMap


def provider_urn_of(deployment: Deployment, wanted: Import) -> str:
    """The URN of the provider that an imported resource gets."""
    return wanted.provider or _default(deployment, wanted)


def providers_to_make(deployment: Deployment, imports: Sequence[Import]) -> Iterator[Resource]:
    """The provider resources to make, checked: default ones first, then explicit ones, each by URN.

    Raises ProviderError when a provider refuses its configuration; people have been told then."""
    defaults = {
        _default(deployment, wanted): wanted
        for wanted in imports
        if wanted.managed and not wanted.provider and not urns.is_provider_type(wanted.type)
    }
    for urn in sorted(defaults):
        if urn not in deployment.olds:
            yield _checked(deployment, _default_resource(deployment, urn, defaults[urn]), "provider")
    explicit = _explicit(deployment, imports)
    for urn in sorted(explicit):
        if urn not in deployment.olds:
            yield _checked(deployment, explicit[urn], "explicit provider")


def _default(deployment: Deployment, wanted: Import) -> str:
    kind = PROVIDER_TYPE_PREFIX + urns.package_of(wanted.type)
    return deployment.urn_for("", kind, default_name(wanted.source))


def _default_resource(deployment: Deployment, urn: str, wanted: Import) -> Resource:
    request = deployment.request
    package = urns.package_of(wanted.type)
    inputs = default_inputs(request.config, request.secret_keys, package, wanted.source)
    return Resource(urn=urn, type=PROVIDER_TYPE_PREFIX + package, custom=True, inputs=inputs)


def _explicit(deployment: Deployment, imports: Sequence[Import]) -> dict[str, Resource]:
    """Providers that are imported themselves, and those that imported resources name; by URN."""
    found: dict[str, Resource] = {}
    for wanted in imports:
        if urns.is_provider_type(wanted.type):
            urn = deployment.urn_for(wanted.parent, wanted.type, wanted.name)
            found.setdefault(urn, _explicit_resource(urn, wanted, wanted.inputs, wanted.parent))
    for wanted in imports:
        urn = wanted.provider
        if urn and urn not in found:
            found[urn] = _explicit_resource(urn, wanted, wanted.provider_inputs, "")
    return found


def _explicit_resource(urn: str, wanted: Import, inputs: PropertyMap | None, parent: str) -> Resource:
    kind = urns.type_of(urn)
    if not urns.is_provider_type(kind):
        raise ProviderError(f'imported provider URN "{urn}" is not a provider type')
    values = with_source(inputs or {}, wanted.source)
    return Resource(urn=urn, type=kind, custom=True, inputs=values, parent=parent)


def _checked(deployment: Deployment, resource: Resource, what: str) -> Resource:
    try:
        checked = deployment.registry.check(
            CheckCall(resource.urn, None, resource.inputs, allow_unknowns=deployment.dry_run)
        )
    except ProviderError as error:
        which = f" for {resource.urn}" if what.startswith("explicit") else ""
        raise ProviderError(f"failed to validate {what} config{which}: {error}") from error
    for failure in checked.failures:
        deployment.report(resource.urn, refusal(resource, failure))
    if checked.failures:
        which = f" for {resource.urn}" if what.startswith("explicit") else ""
        raise ProviderError(f"{what} check failed{which}")
    return resource
