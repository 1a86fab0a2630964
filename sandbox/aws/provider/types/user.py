"""IAM users and their access keys."""

from __future__ import annotations

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import TAGS, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types.role import all_of

_GONE = "NoSuchEntity"


class User(ResourceType):
    """`aws.iam.User`."""

    token = "aws:iam/user:User"  # noqa: S105
    title = "IAM User"
    physical_name = PhysicalName("name", longest=64)
    inputs = table(
        {
            "forceDestroy": updates(Kind.BOOLEAN, default=False, told=False),
            "name": updates(computed=True),
            "path": updates(default="/"),
            "permissionsBoundary": updates(),
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn", "uniqueId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "iam",
            "create_user",
            f"creating {self.title} ({inputs['name']})",
            UserName=inputs["name"],
            Path=inputs["path"],
            PermissionsBoundary=inputs.get("permissionsBoundary") or None,
            Tags=tagging.to_list(inputs.get("tagsAll")) or None,
        )
        return str(answer["User"]["UserName"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        try:
            user = cloud.call("iam", "get_user", f"reading {self.title} ({identifier})", UserName=identifier)[
                "User"
            ]
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        tags = tagging.told(tagging.from_list(user.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": user["Arn"],
            "forceDestroy": known.carried("forceDestroy", False),
            "name": user["UserName"],
            "path": user["Path"],
            "permissionsBoundary": user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "uniqueId": user["UserId"],
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        doing = f"updating {self.title} ({identifier})"
        fixed = sorted(changed & {"name", "path", "permissionsBoundary"})
        if fixed:
            raise RefusedError(f"the sandbox does not change {', '.join(fixed)} of a user")
        if changed & {"tags", "tagsAll"}:
            added, removed = tagging.changes(state.get("tagsAll"), inputs.get("tagsAll"))
            if removed:
                cloud.call("iam", "untag_user", doing, UserName=identifier, TagKeys=removed)
            if added:
                cloud.call("iam", "tag_user", doing, UserName=identifier, Tags=tagging.to_list(added))

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        try:
            if state.get("forceDestroy"):
                for key in all_of(cloud, "list_access_keys", "AccessKeyMetadata", doing, UserName=identifier):
                    cloud.call(
                        "iam",
                        "delete_access_key",
                        doing,
                        UserName=identifier,
                        AccessKeyId=key["AccessKeyId"],
                    )
            cloud.call("iam", "delete_user", doing, UserName=identifier)
        except CloudError as error:
            if error.code != _GONE:
                raise


class AccessKey(ResourceType):
    """`aws.iam.AccessKey`. The secret is known from the creation only."""

    token = "aws:iam/accessKey:AccessKey"  # noqa: S105
    title = "IAM Access Key"
    inputs = table(
        {
            "pgpKey": refused(Change.REPLACE, "the sandbox encrypts no keys"),
            "status": updates(default="Active"),
            "user": replaces(required=True),
        }
    )
    outputs = ("createDate", "secret")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        doing = f"creating {self.title} ({inputs['user']})"
        made = cloud.call("iam", "create_access_key", doing, UserName=inputs["user"])["AccessKey"]
        inputs["secret"] = str(made["SecretAccessKey"])  # for the read that follows: nothing tells it again
        return str(made["AccessKeyId"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        user = known.carried("user", "")
        try:
            keys = all_of(
                cloud,
                "list_access_keys",
                "AccessKeyMetadata",
                f"reading {self.title} ({identifier})",
                UserName=user,
            )
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        found = next((each for each in keys if each["AccessKeyId"] == identifier), None)
        if found is None:
            return None
        return {
            "createDate": found["CreateDate"].isoformat(),
            "secret": known.carried("secret", ""),
            "status": found["Status"],
            "user": user,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state, changed
        doing = f"updating {self.title} ({identifier})"
        cloud.call(
            "iam",
            "update_access_key",
            doing,
            UserName=inputs["user"],
            AccessKeyId=identifier,
            Status=inputs["status"],
        )

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        try:
            cloud.call("iam", "delete_access_key", doing, UserName=state["user"], AccessKeyId=identifier)
        except CloudError as error:
            if error.code != _GONE:
                raise
