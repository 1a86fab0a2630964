"""The IAM users of jobs on RunPod: found by name and tag, deleted with their keys and policies."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

KIND = "access user"
TYPES = ("aws:iam/user:User",)


def find_users(cloud: Cloud, scope: Scope) -> Iterator[CloudResource]:
    """Users in scope. IAM is global: a name has the digest of a region. Raises ``CloudError``."""
    for each in cloud.pages("iam", "list_users", "Users"):
        name = str(each["UserName"])
        if not name.startswith(scope.name_prefix):
            continue
        try:
            held = read_tags(list(cloud.pages("iam", "list_user_tags", "Tags", UserName=name)))
        except NotFoundError:
            continue
        whose = scope.attribute(name, held, regional=False)
        if whose is not None:
            yield whose.resource(
                KIND,
                name,
                f"aws iam list-access-keys --user-name {name} && aws iam delete-user --user-name {name}",
                held,
                name=name,
                created_at=each.get("CreateDate"),
                cost_hour=0.0,
                parent="",
                part=False,
            )


def remove_user(cloud: Cloud, name: str) -> None:
    """Deletes the user with its keys and policies. Idempotent. Blocks."""
    try:
        for key in list(cloud.pages("iam", "list_access_keys", "AccessKeyMetadata", UserName=name)):
            cloud.call("iam", "delete_access_key", UserName=name, AccessKeyId=key["AccessKeyId"])
        for policy in list(cloud.pages("iam", "list_user_policies", "PolicyNames", UserName=name)):
            cloud.call("iam", "delete_user_policy", UserName=name, PolicyName=policy)
        for each in list(
            cloud.pages("iam", "list_attached_user_policies", "AttachedPolicies", UserName=name)
        ):
            cloud.call("iam", "detach_user_policy", UserName=name, PolicyArn=each["PolicyArn"])
        cloud.call("iam", "delete_user", UserName=name)
    except NotFoundError:
        return
