"""The permissions of a job's machine are limited to named actions and resources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, items

ROLE = "aws:iam/role:Role"
POLICY_TYPES = frozenset(
    {
        "aws:iam/policy:Policy",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:iam/userPolicy:UserPolicy",
        "aws:iam/groupPolicy:GroupPolicy",
        ROLE,
    }
)

WITHOUT_RESOURCES = frozenset(
    {
        "ssm:updateinstanceinformation",
        "ecr:getauthorizationtoken",
        "ssmmessages:createcontrolchannel",
        "ssmmessages:createdatachannel",
        "ssmmessages:opencontrolchannel",
        "ssmmessages:opendatachannel",
    }
)
"""Actions, in lower case, of Session Manager's agent and of a registry's login, for which IAM has no narrower
resource."""

_OWN_TAG = "aws:ResourceTag/runctl:job"
_ATTACHED = re.compile(r"^arn:[^:*?]+:ec2:[^:*?]+:[0-9]+:(instance|volume)/\*$")
_GROUP_ID = re.compile(r"^(arn:[^:]+:autoscaling:[^:]+:[0-9]+:autoScalingGroup):\*:autoScalingGroupName/")
_WILD = "*?"
_TERMINATE = "ec2:terminateinstances"
_ONE_INSTANCE = re.compile(r"^arn:[^:]+:ec2:[^:]+:[0-9]+:instance/i-[0-9a-f]+$")


def broad_permissions(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Allow statements with wildcards instead of names, and those that pass roles."""
    for document in _documents(resource):
        if document is None:
            yield Violation(found="a policy that is no JSON document", allowed="an IAM policy document")
            continue
        for position, statement in enumerate(_listed(document.get("Statement"))):
            if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
                yield from _broad(statement, str(statement.get("Sid") or f"number {position + 1}"))


def _documents(resource: Judged) -> Iterator[Mapping[str, Any] | None]:
    texts = [resource.inputs.get("policy")] if resource.type != ROLE else []
    texts += [each.get("policy") for each in items(resource.inputs, "inlinePolicies")]
    for text in texts:
        if text is not None and text is not UNKNOWN:
            yield _parsed(text)


def _parsed(text: Any) -> Mapping[str, Any] | None:
    if isinstance(text, str):
        try:
            text = json.loads(text)
        except ValueError:
            return None
    return text if isinstance(text, Mapping) else None


def _broad(statement: Mapping[str, Any], sid: str) -> Iterator[Violation]:
    where = f"the statement {sid}"
    for key in ("NotAction", "NotResource"):
        if key in statement:
            yield Violation(
                found=f"{where} allows all but a list ({key})", allowed="named actions and resources"
            )
    actions = [str(each) for each in _listed(statement.get("Action"))]
    for action in actions:
        if any(sign in action for sign in _WILD):
            yield Violation(found=f"{where} allows {action}", allowed="actions without wildcards")
        elif action.lower() == "iam:passrole":
            yield Violation(found=f"{where} allows {action}", allowed="no iam:PassRole at all")
    for arn in (str(each) for each in _listed(statement.get("Resource"))):
        is_needed = (
            (arn == "*" and _know_no_resource(actions))
            or _decrypts_what_is_named(statement, arn)
            or _attaches_what_is_tagged(statement, arn)
        )
        if not _is_narrow(arn) and not is_needed:
            yield Violation(
                found=f"{where} allows {', '.join(actions) or 'nothing'} on {arn}",
                allowed="resources that are named up to a folder of their own",
            )
        elif _TERMINATE in (each.lower() for each in actions) and not _ONE_INSTANCE.match(arn):
            yield Violation(found=f"{where} terminates {arn}", allowed="one instance, by its id")


def _know_no_resource(actions: list[str]) -> bool:
    return bool(actions) and all(action.lower() in WITHOUT_RESOURCES for action in actions)


def _decrypts_what_is_named(statement: Mapping[str, Any], arn: str) -> bool:
    """Whether it only allows decryption, with any key of one account and region, under a condition that
    identifies the data: the data's owner chose the key.
    """
    head, _, rest = arn.rpartition(":")
    actions = {str(each).lower() for each in _listed(statement.get("Action"))}
    if rest != "key/*" or any(sign in head for sign in _WILD) or actions != {"kms:decrypt"}:
        return False
    asked = statement.get("Condition")
    tests = (
        [each for each in asked.values() if isinstance(each, Mapping)] if isinstance(asked, Mapping) else []
    )
    values = {key: value for test in tests for key, value in test.items()}
    contexts = [key for key in values if key.startswith("kms:EncryptionContext:")]
    named = [each for key in contexts for each in _listed(values[key])]
    return "kms:ViaService" in values and bool(named) and "*" not in named


def _attaches_what_is_tagged(statement: Mapping[str, Any], arn: str) -> bool:
    """Whether it only allows attaching volumes to machines, both of one job by its tag."""
    actions = {str(each).lower() for each in _listed(statement.get("Action"))}
    if actions != {"ec2:attachvolume"} or not _ATTACHED.match(arn):
        return False
    asked = statement.get("Condition")
    test = asked.get("StringEquals") if isinstance(asked, Mapping) else None
    named = _listed(test.get(_OWN_TAG)) if isinstance(test, Mapping) else []
    return bool(named) and not any(sign in str(each) for each in named for sign in _WILD)


def _is_narrow(arn: str) -> bool:
    """Whether wildcards in an ARN occur only below a named part.

    The ARN of an Auto Scaling group holds an id that only AWS knows, before its name.
    """
    arn = _GROUP_ID.sub(r"\1:", arn)
    if not any(sign in arn for sign in _WILD):
        return True
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return False
    head, rest = ":".join(parts[:5]), parts[5]
    if any(sign in head for sign in _WILD):
        return False
    words = rest.replace(":", "/").split("/")
    named = words if parts[2] == "s3" else words[1:]  # elsewhere the first word is a type: parameter, key
    return len(named) > 1 and not any(sign in named[0] for sign in _WILD)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


RULE = Rule(
    name="narrow-permissions",
    description="A job's machine may do only what is named: no wildcard actions or resources, no PassRole.",
    types=POLICY_TYPES,
    reads=frozenset({"policy", "inlinePolicies"}),
    check=broad_permissions,
)
