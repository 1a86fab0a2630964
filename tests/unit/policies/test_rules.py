"""Every rule, with resources that keep it and resources that break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.judged_resources import GOOD_GROUP, GOOD_TEMPLATE, GROUP_TEMPLATE, TAGS, protected, without
from support.policy_cases import BROKEN, KEPT, OUTSIDE_SETTINGS, SETTINGS, WITHIN_SETTINGS

from policies.bucket_access import BUCKET, GUARDED_RULE, POLICY, PUBLIC_ACCESS
from policies.bucket_access import ENCRYPTION as BUCKET_ENCRYPTION
from policies.encryption import VOLUME
from policies.machine_end import INSTANCE, TEMPLATE, TEMPLATE_RULE
from policies.machine_group import GROUP
from policies.machine_group import TEMPLATE_RULE as GROUP_TEMPLATE_RULE
from policies.rule import UNKNOWN, Judged, Rule, Violation
from policies.rules import RULES, STACK_RULES


def violations(resource: Judged, settings: Mapping[str, Any] | None = None) -> Iterator[tuple[str, str]]:
    for rule in RULES:
        if rule.concerns(resource.type):
            for violation in rule.check(resource, (settings or {}).get(rule.name, {})):
                yield rule.name, str(violation)


@pytest.mark.parametrize(("type_token", "inputs"), KEPT)
def test_what_keeps_the_rules_passes_all_of_them(type_token: str, inputs: dict[str, Any], judge: Any) -> None:
    assert list(violations(judge(type_token, **inputs))) == []


@pytest.mark.parametrize(("type_token", "inputs", "rule", "said"), BROKEN)
def test_what_breaks_a_rule_breaks_that_one_alone(
    type_token: str, inputs: dict[str, Any], rule: str, said: str, judge: Any
) -> None:
    found = list(violations(judge(type_token, **inputs)))
    assert {name for name, _ in found} == {rule}
    assert any(said in sentence for _, sentence in found)


@pytest.mark.parametrize(("type_token", "inputs"), WITHIN_SETTINGS)
def test_what_the_project_allows_passes(type_token: str, inputs: dict[str, Any], judge: Any) -> None:
    assert list(violations(judge(type_token, **inputs), SETTINGS)) == []


@pytest.mark.parametrize(("type_token", "inputs", "rule", "said"), OUTSIDE_SETTINGS)
def test_what_the_project_does_not_allow_is_found(
    type_token: str, inputs: dict[str, Any], rule: str, said: list[str], judge: Any
) -> None:
    assert list(violations(judge(type_token, **inputs), SETTINGS)) == [(rule, each) for each in said]


class TestProtected:
    def test_a_tag_with_the_option_is_in_order(self, judge: Any) -> None:
        resource = replace(judge(VOLUME, **protected("true")), protect=True)
        assert list(violations(resource)) == []

    @pytest.mark.parametrize("tags", [TAGS, {**TAGS, "runctl:persistent": "on"}])
    def test_a_protected_bucket_is_never_emptied(self, tags: dict[str, str], judge: Any) -> None:
        resource = replace(judge(BUCKET, tagsAll=tags, forceDestroy=True), protect=True)
        assert list(violations(resource)) == [
            ("no-force-destroy-of-protected", "forceDestroy is true on a protected bucket; allowed: false")
        ]

    def test_a_bucket_that_its_tag_protects_is_never_emptied(self, judge: Any) -> None:
        tags = {**TAGS, "runctl:persistent": "on"}
        found = {rule for rule, _ in violations(judge(BUCKET, tagsAll=tags, forceDestroy=True))}
        assert found == {"no-force-destroy-of-protected", "protection-tag-protects"}


def test_every_rule_has_a_case_that_breaks_it() -> None:
    broken = {rule for _, _, rule, _ in BROKEN} | {rule for _, _, rule, _ in OUTSIDE_SETTINGS}
    assert broken | {"no-force-destroy-of-protected"} == {rule.name for rule in RULES}


class _Read(dict[str, Any]):
    """Inputs that remember which of them were read."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__(inputs)
        self.seen: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)


def inputs_of(rule: Rule) -> set[str]:
    """The inputs that a rule evaluates, in whole or in part."""
    return {path.partition(".")[0] for path in rule.reads}


class TestWhatIsNotKnown:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
    def test_a_rule_tells_all_that_it_reads(self, rule: Rule, judge: Any) -> None:
        cases = [
            *KEPT,
            *WITHIN_SETTINGS,
            *((kind, inputs) for kind, inputs, _, _ in (*BROKEN, *OUTSIDE_SETTINGS)),
        ]
        for type_token, inputs in cases:
            if rule.concerns(type_token):
                read = _Read(inputs)
                resource = replace(judge(type_token), inputs=read)
                list(rule.check(resource, SETTINGS.get(rule.name, {})))
                assert read.seen <= inputs_of(rule)

    @pytest.mark.parametrize(
        ("type_token", "inputs", "rule"),
        [(kind, inputs, rule) for kind, inputs, rule, _ in (*BROKEN, *OUTSIDE_SETTINGS) if inputs],
    )
    def test_what_is_not_known_is_told_and_breaks_nothing(
        self, type_token: str, inputs: dict[str, Any], rule: str, judge: Any
    ) -> None:
        (found,) = [each for each in RULES if each.name == rule]
        if not found.reads:
            return
        reads = inputs_of(found)
        unknown = judge(type_token, **{key: UNKNOWN if key in reads else inputs[key] for key in inputs})
        broken = [str(each) for each in found.check(unknown, SETTINGS.get(rule, {}))]
        told = set(found.not_known(unknown))
        assert told == reads & inputs.keys()
        missing = reads - inputs.keys()
        assert not broken or missing, broken

    def test_the_path_of_what_is_not_known_is_told(self, judge: Any) -> None:
        (rule,) = [each for each in RULES if each.name == "instance-disks-encrypted"]
        resource = judge(INSTANCE, rootBlockDevice={"encrypted": UNKNOWN}, ebsBlockDevices=[{}, UNKNOWN])
        assert list(rule.not_known(resource)) == ["ebsBlockDevices[1]", "rootBlockDevice.encrypted"]

    def test_what_is_not_known_beside_the_path_that_is_read_is_not_told(self, judge: Any) -> None:
        (rule,) = [each for each in RULES if each.name == "allowed-instance-types"]
        specification = {"version": UNKNOWN}
        for overrides, told in (([{"instanceType": "m5.large"}], []), (UNKNOWN, ["overrides"])):
            template = {"launchTemplateSpecification": specification, "overrides": overrides}
            resource = judge(GROUP, mixedInstancesPolicy={"launchTemplate": template})
            found = [each.rpartition(".")[2] for each in rule.not_known(resource)]
            assert found == told


class TestRemedyOfTags:
    @pytest.fixture
    def rule(self) -> Rule:
        (rule,) = [each for each in RULES if each.remedy]
        return rule

    def remedied(self, rule: Rule, resource: Judged) -> Judged:
        assert rule.remedy is not None
        return replace(resource, inputs={**resource.inputs, **(rule.remedy(resource) or {})})

    def resource(self, judge: Any, type_token: str, **inputs: Any) -> Judged:
        made = judge(type_token, **inputs)
        urn = f"urn:pulumi:digits::runctl::{type_token}::thing"
        return replace(made, urn=urn, default_tags={"runctl:owner": "ada"})

    @pytest.mark.parametrize(
        "tags", [None, {}, {"team": "nlp"}, without("runctl:owner"), {**TAGS, "runctl:job": ""}]
    )
    def test_missing_tags_are_added_and_nothing_is_found_any_more(
        self, tags: Any, rule: Rule, judge: Any
    ) -> None:
        resource = self.remedied(rule, self.resource(judge, BUCKET, tagsAll=tags, tags=tags))
        assert list(rule.check(resource, {})) == []
        kept = {key: value for key, value in (tags or {}).items() if value}
        assert resource.inputs["tagsAll"] == resource.inputs["tags"] == {**TAGS, **kept}

    def test_those_of_a_root_volume_too(self, rule: Rule, judge: Any) -> None:
        given = {"encrypted": True, "kmsKeyId": UNKNOWN, "tags": {"Name": "disk"}}
        resource = self.remedied(rule, self.resource(judge, INSTANCE, tagsAll=TAGS, rootBlockDevice=given))
        assert resource.inputs["rootBlockDevice"] == {**given, "tags": {"Name": "disk", **TAGS}}

    def test_those_that_a_group_gives_its_machines_too(self, rule: Rule, judge: Any) -> None:
        given = [{"key": "runctl:job", "value": "digits", "propagateAtLaunch": False}, {"key": "team"}]
        resource = self.remedied(rule, self.resource(judge, GROUP, tags=given))
        assert list(rule.check(resource, {})) == []
        assert {each["key"] for each in resource.inputs["tags"]} == {*TAGS, "team"}
        assert rule.remedy is not None
        assert rule.remedy(resource) is None

    @pytest.mark.parametrize("tags", [TAGS, UNKNOWN])
    def test_what_is_whole_or_not_known_stays(self, tags: Any, rule: Rule, judge: Any) -> None:
        assert rule.remedy is not None
        assert rule.remedy(self.resource(judge, BUCKET, tagsAll=tags)) is None

    def test_an_owner_that_nobody_knows_is_not_made_up(self, rule: Rule, judge: Any) -> None:
        resource = replace(self.resource(judge, BUCKET), default_tags={})
        (found,) = rule.check(self.remedied(rule, resource), {})
        assert found.found == "the resource lacks the tags runctl:owner"

    def test_a_wrong_tag_is_refused_and_not_replaced(self, rule: Rule, judge: Any) -> None:
        resource = self.resource(judge, BUCKET, tagsAll={"runctl:created-by": "hand"})
        assert [each.allowed for each in rule.check(self.remedied(rule, resource), {})] == ["runctl"]


def test_a_violation_reads_as_a_sentence() -> None:
    assert str(Violation(found="3 machines", allowed="at most 2", field="nodes")) == (
        "3 machines; allowed: at most 2; job file: nodes"
    )


def test_names_of_rules_are_distinct() -> None:
    names = [rule.name for rule in [*RULES, *STACK_RULES]]
    assert len(set(names)) == len(names)


class TestGuardedBuckets:
    def check(self, *resources: Judged) -> list[tuple[str, str]]:
        found = GUARDED_RULE.check(resources)
        return [(resource.name, violation.found) for resource, violation in found]

    def test_a_bucket_with_all_guards_passes(self, judge: Any) -> None:
        guards = [judge(kind, bucket="one") for kind in (PUBLIC_ACCESS, POLICY, BUCKET_ENCRYPTION)]
        assert self.check(judge(BUCKET, bucket="one"), *guards) == []

    def test_a_bare_bucket_lacks_all(self, judge: Any) -> None:
        assert self.check(judge(BUCKET, "bare", bucket="one")) == [
            ("bare", "the bucket has no public-access block"),
            ("bare", "the bucket has no policy"),
            ("bare", "the bucket has no encryption"),
        ]

    def test_the_guards_of_another_bucket_do_not_count(self, judge: Any) -> None:
        found = self.check(
            judge(BUCKET, "bare", bucket="one"),
            judge(PUBLIC_ACCESS, bucket="two"),
            judge(POLICY, bucket="one"),
            judge(BUCKET_ENCRYPTION, bucket="one"),
        )
        assert found == [("bare", "the bucket has no public-access block")]

    def test_guards_whose_bucket_is_not_known_yet_count_for_where_its_name_comes_from(
        self, judge: Any
    ) -> None:
        bucket, other = (judge(BUCKET, name, bucket=UNKNOWN) for name in ("one", "other"))
        guards = [
            replace(judge(kind, bucket=UNKNOWN), sources={"bucket": frozenset({bucket.urn})})
            for kind in (PUBLIC_ACCESS, POLICY, BUCKET_ENCRYPTION)
        ]
        assert self.check(bucket, *guards) == []
        assert [name for name, _ in self.check(bucket, other, *guards)] == ["other"] * 3


class TestTemplateOfTheStack:
    """An instance that does not say how it ends has a template of the stack that says so."""

    def check(self, *resources: Judged) -> list[str]:
        return [resource.name for resource, _ in TEMPLATE_RULE.check(resources)]

    @pytest.mark.parametrize("named", [UNKNOWN, {"id": "lt-1", "version": "1"}])
    def test_a_template_of_the_stack_passes(self, judge: Any, named: Any) -> None:
        template = judge(TEMPLATE, "template")
        machine = replace(
            judge(INSTANCE, "machine", launchTemplate=named),
            sources={"launchTemplate": frozenset({template.urn})},
        )
        assert self.check(template, machine) == []
        assert self.check(machine) == ["machine"]

    def test_a_template_by_its_id_is_not_of_the_stack(self, judge: Any) -> None:
        machine = judge(INSTANCE, "machine", launchTemplate={"id": "lt-1"})
        assert self.check(judge(TEMPLATE, "template"), machine) == ["machine"]

    def test_an_instance_that_says_it_itself_passes(self, judge: Any) -> None:
        machine = judge(
            INSTANCE, launchTemplate={"id": "lt-1"}, instanceInitiatedShutdownBehavior="terminate"
        )
        assert self.check(machine) == []


class TestTemplateOfAGroup:
    """The machines of a group have no settings but those of its template."""

    def check(self, template: Judged, **group: Any) -> list[tuple[str, str]]:
        made = Judged(
            type=GROUP,
            name="group",
            urn="urn:pulumi:digits::runctl::group::group",
            inputs={**GOOD_GROUP, **group},
            sources={"mixedInstancesPolicy": frozenset({template.urn})},
        )
        return [(each.name, found.found) for each, found in GROUP_TEMPLATE_RULE.check([template, made])]

    def test_a_template_that_describes_all_passes(self, judge: Any) -> None:
        assert self.check(judge(TEMPLATE, "template", **GROUP_TEMPLATE)) == []
        assert (
            self.check(judge(TEMPLATE, "template", metadataOptions=UNKNOWN, blockDeviceMappings=UNKNOWN))
            == []
        )

    def test_a_template_of_another_stack_is_found(self, judge: Any) -> None:
        other = replace(judge(TEMPLATE, "template", **GROUP_TEMPLATE), type="another")
        assert [name for name, _ in self.check(other)] == ["group"]

    def test_what_is_left_to_defaults_is_found(self, judge: Any) -> None:
        found = self.check(judge(TEMPLATE, "template", **{**GOOD_TEMPLATE, "metadataOptions": None}))
        assert [said for _, said in found] == [
            "a group's template without metadataOptions.httpTokens",
            "a group's template that does not describe the machine's disk",
        ]
