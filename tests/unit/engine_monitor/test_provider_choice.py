"""Which provider a request of the program means."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.engine.deploy.goal import Goal, Registered, Registration
from sandbox.engine.deploy.monitor.default_providers import DefaultProviders
from sandbox.engine.deploy.monitor.provider_choice import ProviderChoice
from sandbox.engine.deploy.monitor.requests import RequestError
from sandbox.engine.deploy.protocol import resource_pb2
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.providers.default_resources import PluginSource
from sandbox.engine.model import Resource

ROOT = "urn:pulumi:s::p::box:index:Box::root"


class Defaults:
    """Default providers whose registration only notes the goal."""

    def __init__(self, config: dict[str, str] | None = None) -> None:
        self.goals: list[Goal] = []
        self.asked = 0
        self.providers = DefaultProviders(config or {}, frozenset({"toy:key"}), self._sources, self._register)

    def _sources(self) -> dict[str, PluginSource]:
        self.asked += 1
        return {"toy": PluginSource("2.0.0")}

    def _register(self, registration: Registration) -> Registered:
        goal = registration.goal
        self.goals.append(goal)
        return Registered(Resource(f"urn:pulumi:s::p::{goal.type}::{goal.name}", goal.type, id="1"))


@pytest.fixture
def defaults() -> Defaults:
    return Defaults({"toy:key": "k", "other:key": "o"})


@pytest.fixture
def choice(defaults: Defaults) -> ProviderChoice:
    return ProviderChoice(defaults.providers)


def _resource(kind: str = "toy:index:Thing", **fields: Any) -> Any:
    return resource_pb2.RegisterResourceRequest(type=kind, name="n", **{"custom": True, **fields})


def test_a_default_provider_is_made_once_with_its_configuration(
    choice: ProviderChoice, defaults: Defaults
) -> None:
    references = {choice.for_resource(_resource()) for _ in range(3)}
    assert references == {"urn:pulumi:s::p::pulumi:providers:toy::default_2_0_0::1"}
    (goal,) = defaults.goals
    assert set(goal.properties) == {"key", "version", "__internal"}
    assert defaults.asked == 1


def test_a_version_of_the_program_wins_and_gets_a_provider_of_its_own(choice: ProviderChoice) -> None:
    assert "::default_1_5_0::" in choice.for_resource(_resource(version="1.5.0"))
    assert "::default_2_0_0::" in choice.for_resource(_resource())


def test_the_program_s_provider_wins_over_its_component_s_and_that_over_the_default(
    choice: ProviderChoice, defaults: Defaults
) -> None:
    component = _resource("box:index:Box", custom=False, providers={"toy": "a::1"})
    choice.for_resource(component)
    choice.remember(ROOT, component)
    assert choice.for_resource(_resource(parent=ROOT, provider="b::1")) == "b::1"
    assert choice.for_resource(_resource(parent=ROOT, providers={"toy": "c::1"})) == "c::1"
    assert choice.for_resource(_resource(parent=ROOT)) == "a::1"
    assert defaults.goals == []


def test_a_component_takes_over_its_parent_s_providers(choice: ProviderChoice) -> None:
    choice.remember(ROOT, _resource("box:index:Box", custom=False, providers={"toy": "a::1", "x": "x::1"}))
    inner = _resource("box:index:Box", custom=False, parent=ROOT, providers={"x": "y::1"})
    assert choice.for_resource(inner) == ""
    assert dict(inner.providers) == {"toy": "a::1", "x": "y::1"}


def test_a_component_that_a_provider_makes_needs_one(choice: ProviderChoice) -> None:
    remote = _resource("toy:index:Group", custom=False, remote=True)
    assert "providers:toy::default_2_0_0" in choice.for_resource(remote)


def test_an_explicit_provider_gets_the_plugin_of_the_default_one_unless_it_says(
    choice: ProviderChoice,
) -> None:
    goal = Goal("pulumi:providers:toy", "mine", True, {"region": "x"})
    request = _resource("pulumi:providers:toy")
    assert choice.for_resource(request) == ""
    assert choice.with_plugin(goal, request).properties["version"] == "2.0.0"
    own = _resource("pulumi:providers:toy", version="1.0.0")
    assert choice.with_plugin(goal, own).properties["version"] == "1.0.0"


def test_packages_are_referred_to_by_what_registering_them_gave(choice: ProviderChoice) -> None:
    package = resource_pb2.RegisterPackageRequest(name="toy", version="3.0.0")
    reference = choice.register_package(package)
    assert "::default_3_0_0::" in choice.for_resource(_resource(packageRef=reference))
    with pytest.raises(RequestError, match="unknown provider package 'nope'"):
        choice.for_resource(_resource(packageRef="nope"))


def test_parameterized_packages_are_refused_by_name(choice: ProviderChoice) -> None:
    package = resource_pb2.RegisterPackageRequest(name="toy", version="3.0.0")
    package.parameterization.name = "sub"
    with pytest.raises(RequestError, match="parameterized packages are not supported: toy"):
        choice.register_package(package)


def test_default_providers_can_be_forbidden() -> None:
    choice = ProviderChoice(Defaults({"pulumi:disable-default-providers": '["toy"]'}).providers)
    with pytest.raises(ProviderError, match="Default provider for 'toy' disabled"):
        choice.for_resource(_resource())
    assert choice.for_resource(_resource("other:index:Thing")) != ""
