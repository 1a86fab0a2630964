"""IAM roles, their inline policies and instance profiles. IAM is global, and few of its lists show tags."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from runctl_auto.errors import CloudError, NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import (
    ApiCall,
    AwsKind,
    Described,
    ListCall,
    Look,
    Removal,
    free,
)
from runctl_auto.providers.aws.records.search import Search
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource, Key
from runctl_auto.stack.state import StackState

ROLE_ARNS = ("arn:{partition}:iam::{account}:role/runctl-*",)
PROFILE_ARNS = ("arn:{partition}:iam::{account}:instance-profile/runctl-*",)


def role_policy(role: str, policy: str) -> CloudResource:
    """The inline ``policy`` of a role, which is identified only through its role."""
    command = ROLE_POLICY.command("", role=role, policy=policy)
    return CloudResource(ROLE_POLICY.name, f"{role}:{policy}", command)


def inline_policies(cloud: Cloud, role: str) -> Iterator[str]:
    """Names of a role's inline policies. Raises ``CloudError``."""
    return (str(each) for each in cloud.pages("iam", "list_role_policies", "PolicyNames", RoleName=role))


def policies_being_created(state: StackState) -> Iterator[CloudResource]:
    """Inline policies that pending creations of ``state`` may have created. They carry no tags and are
    identified through their role.
    """
    for pending in state.pending_creates:
        role, name = pending.resource.inputs.get("role"), pending.resource.inputs.get("name")
        if pending.resource.type in ROLE_POLICY.types and role and name:
            yield role_policy(role, name)


def unrecorded_policies(
    cloud: Cloud, recorded: Collection[Key], state: StackState
) -> Iterator[CloudResource]:
    """Inline policies that an update added to a role of the state and did not record: the role cannot be
    deleted before them. A stack gives them the name of their role. ``recorded`` are the keys of the state.
    """
    held = {each.id for each in state.in_cloud() if each.type in ROLE_POLICY.types}
    for kind, role in recorded:
        if kind != ROLE.name or f"{role}:{role}" in held:
            continue
        try:
            listed = tuple(inline_policies(cloud, role))
        except CloudError:
            continue
        yield from (role_policy(role, name) for name in listed if name == role)


def attached_policies(cloud: Cloud, role: str) -> Iterator[str]:
    """ARNs of a role's managed policies. Raises ``CloudError``."""
    listed = cloud.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    return (each["PolicyArn"] for each in listed)


def _find_roles(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    if search.scope.job is None:
        return _roles_of_account(kind, search)
    return _roles_of_job(kind, search)


def _roles_of_job(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    for each in kind.listing.pages(search.cloud):
        name = each["RoleName"]
        if not name.startswith(search.scope.name_prefix):
            continue
        try:
            held = read_tags(search.cloud.call("iam", "get_role", RoleName=name)["Role"].get("Tags"))
            if search.scope.attribute(name, held, regional=False) is None:
                continue
            policies = {
                "inline": list(inline_policies(search.cloud, name)),
                "attached": list(attached_policies(search.cloud, name)),
            }
        except NotFoundError:
            continue
        yield from _role(kind, search, each, held, policies)


def _roles_of_account(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Uses the only list call of IAM that returns tags and policies together."""
    _, details = kind.lists
    for each in details.pages(search.cloud):
        policies = {
            "inline": [policy["PolicyName"] for policy in each.get("RolePolicyList") or ()],
            "attached": [policy["PolicyArn"] for policy in each.get("AttachedManagedPolicies") or ()],
        }
        yield from _role(kind, search, each, read_tags(each.get("Tags")), policies)


def _role(
    kind: AwsKind,
    search: Search,
    described: Described,
    held: dict[str, str],
    policies: Mapping[str, Sequence[str]],
) -> Iterator[CloudResource]:
    whose = search.scope.attribute(described["RoleName"], held, regional=False)
    if whose is not None:
        yield search.resource(kind, described, whose, held, values=policies)


def _find_profiles(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Profiles with a name of runctl's, and those that contain a role of runctl's."""
    roles = {each.id: each for each in search.found(names.ROLE)}
    for each in kind.listing.pages(search.cloud):
        name = each["InstanceProfileName"]
        members = [role["RoleName"] for role in each.get("Roles") or ()]
        role = next((roles[member] for member in members if member in roles), None)
        held: dict[str, str] = {}
        if name.startswith(search.scope.name_prefix) and (role is None or search.scope.job is not None):
            held = _profile_tags(search.cloud, name, search.account)
            whose = search.scope.attribute(name, held, regional=False)
        else:
            whose = search.scope.related(role.job) if role is not None else None
        if whose is not None:
            profile = search.resource(kind, each, whose, held, values={"roles": members})
            yield profile if role is None else _of_role(profile, role)


def _of_role(profile: CloudResource, role: CloudResource) -> CloudResource:
    """The profile that contains ``role``; the role's tags fill in for missing ones of its own."""
    return replace(
        profile,
        owner=profile.owner or role.owner,
        backend=profile.backend or role.backend,
        parent=role.id,
    )


def _profile_tags(cloud: Cloud, profile: str, _account: str) -> dict[str, str]:
    """An instance profile's tags; empty if it has none or does not exist."""
    try:
        described = cloud.call("iam", "get_instance_profile", InstanceProfileName=profile)
    except NotFoundError:
        return {}
    return read_tags(described["InstanceProfile"].get("Tags"))


def _delete_role_policy(cloud: Cloud, policy: CloudResource, _account: str) -> None:
    role, name = policy.id.split(":", 1)
    cloud.call("iam", "delete_role_policy", RoleName=role, PolicyName=name)


def _delete_role(cloud: Cloud, role: CloudResource, account: str) -> None:
    for policy in inline_policies(cloud, role.id):
        _delete_role_policy(cloud, role_policy(role.id, policy), account)
    for arn in attached_policies(cloud, role.id):
        cloud.call("iam", "detach_role_policy", RoleName=role.id, PolicyArn=arn)
    cloud.call("iam", "delete_role", RoleName=role.id)


def _delete_profile(cloud: Cloud, profile: CloudResource, _account: str) -> None:
    described = cloud.call("iam", "get_instance_profile", InstanceProfileName=profile.id)
    for role in described["InstanceProfile"]["Roles"]:
        cloud.call(
            "iam",
            "remove_role_from_instance_profile",
            InstanceProfileName=profile.id,
            RoleName=role["RoleName"],
        )
    cloud.call("iam", "delete_instance_profile", InstanceProfileName=profile.id)


_INLINE = ApiCall("iam", "list_role_policies", ROLE_ARNS)
_ATTACHED = ApiCall("iam", "list_attached_role_policies", ROLE_ARNS)
_GET_PROFILE = ApiCall("iam", "get_instance_profile", PROFILE_ARNS)

ROLE_POLICY = AwsKind(
    name=names.ROLE_POLICY,
    types=("aws:iam/rolePolicy:RolePolicy",),
    parents=(names.ROLE,),
    reads=(_INLINE,),
    removal=Removal((ApiCall("iam", "delete_role_policy"),), _delete_role_policy),
    commands=("iam delete-role-policy --role-name {role} --policy-name {policy}",),
    arns=ROLE_ARNS,
    cost=free,
)

ROLE = AwsKind(
    name=names.ROLE,
    types=("aws:iam/role:Role",),
    removed_after=(names.ROLE_POLICY, names.PROFILE, names.SCHEDULE),  # a schedule may use it
    made_by_stacks=True,
    lists=(
        ListCall(
            "iam",
            "list_roles",
            items="Roles",
            id_key="RoleName",
            created_key="CreateDate",
            page_key="MaxItems",
        ),
        ListCall(
            "iam",
            "get_account_authorization_details",
            items="RoleDetailList",
            id_key="RoleName",
            created_key="CreateDate",
            page_key="MaxItems",
            fixed=(("Filter", ["Role"]),),
        ),
    ),
    reads=(ApiCall("iam", "get_role", ROLE_ARNS), _INLINE, _ATTACHED),
    looks=(Look(_find_roles),),
    removal=Removal(
        (
            ApiCall("iam", "delete_role_policy"),
            ApiCall("iam", "detach_role_policy"),
            ApiCall("iam", "delete_role"),
        ),
        _delete_role,
        reads=(_INLINE, _ATTACHED),
    ),
    commands=(
        "iam delete-role-policy --role-name {id} --policy-name {inline}",
        "iam detach-role-policy --role-name {id} --policy-arn {attached}",
        "iam delete-role --role-name {id}",
    ),
    arns=ROLE_ARNS,
    cost=free,
)

PROFILE = AwsKind(
    name=names.PROFILE,
    types=("aws:iam/instanceProfile:InstanceProfile",),
    parents=(names.ROLE,),
    managed_with=(names.ROLE,),
    removed_after=(names.INSTANCE,),
    separate_if_named_as_parent=True,
    made_by_stacks=True,
    lists=(
        ListCall(
            "iam",
            "list_instance_profiles",
            items="InstanceProfiles",
            id_key="InstanceProfileName",
            created_key="CreateDate",
            page_key="MaxItems",
        ),
    ),
    reads=(_GET_PROFILE,),
    looks=(Look(_find_profiles, stage=1),),
    own_tags=_profile_tags,
    asked_before_removal=True,
    removal=Removal(
        (
            ApiCall("iam", "remove_role_from_instance_profile"),
            ApiCall("iam", "delete_instance_profile"),
        ),
        _delete_profile,
        reads=(_GET_PROFILE,),
    ),
    commands=(
        "iam remove-role-from-instance-profile --instance-profile-name {id} --role-name {roles}",
        "iam delete-instance-profile --instance-profile-name {id}",
    ),
    arns=PROFILE_ARNS,
    cost=free,
)
