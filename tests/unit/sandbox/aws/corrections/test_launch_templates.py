from typing import Any

import pytest
from botocore.exceptions import ClientError

TAGS = [{"Key": "runctl:job", "Value": "digits"}]
KINDS = ("volume", "network-interface", "spot-instances-request")


def template(cloud: Any, **data: Any) -> dict[str, Any]:
    made = cloud.ec2.create_launch_template(
        LaunchTemplateName="runctl-digits-machine",
        LaunchTemplateData=data,
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": TAGS}],
    )
    return {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"}


def tagged(*kinds: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": TAGS} for kind in kinds]


def test_the_shutdown_behaviour_of_the_template_ends_the_machine(cloud: Any) -> None:
    held = template(cloud, InstanceInitiatedShutdownBehavior="terminate")
    instance_id = cloud.launch(LaunchTemplate=held)["InstanceId"]
    cloud.after(1)
    cloud.lifecycle.host_ended(instance_id, 1)
    cloud.after(2)
    assert cloud.state(instance_id) == "terminated"


def test_what_the_request_states_wins(corrected: Any) -> None:
    held = template(corrected, InstanceInitiatedShutdownBehavior="terminate")
    instance_id = corrected.launch(LaunchTemplate=held, InstanceInitiatedShutdownBehavior="stop")[
        "InstanceId"
    ]
    answer = corrected.ec2.describe_instance_attribute(
        InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
    )
    assert answer["InstanceInitiatedShutdownBehavior"]["Value"] == "stop"


def test_metadata_options_come_from_the_template(cloud: Any) -> None:
    held = template(cloud, MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2})
    found = cloud.launch(LaunchTemplate=held)["MetadataOptions"]
    assert (found["HttpTokens"], found["HttpPutResponseHopLimit"]) == ("required", 2)


def test_volumes_and_the_spot_request_get_the_tags_of_the_template(cloud: Any) -> None:
    held = template(cloud, TagSpecifications=tagged(*KINDS))
    own = [{"ResourceType": "instance", "Tags": [{"Key": "own", "Value": "1"}]}]
    instance = cloud.launch_spot(LaunchTemplate=held, TagSpecifications=own)
    (request,) = cloud.ec2.describe_spot_instance_requests(
        SpotInstanceRequestIds=[instance["SpotInstanceRequestId"]]
    )["SpotInstanceRequests"]
    (volume,) = cloud.ec2.describe_volumes(
        Filters=[{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
    )["Volumes"]
    assert request["Tags"] == TAGS
    assert volume["Tags"] == TAGS
    assert {"Key": "own", "Value": "1"} in cloud.describe(instance["InstanceId"])["Tags"]


def test_a_spot_request_that_is_not_made_cannot_be_tagged(cloud: Any) -> None:
    held = template(cloud, TagSpecifications=tagged("spot-instances-request"))
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        cloud.launch(LaunchTemplate=held)


def test_the_tags_of_the_template_itself_are_not_of_its_data(cloud: Any) -> None:
    held = template(cloud, TagSpecifications=tagged("volume"))
    (version,) = cloud.ec2.describe_launch_template_versions(
        LaunchTemplateId=held["LaunchTemplateId"], Versions=["1"]
    )["LaunchTemplateVersions"]
    kinds = [each["ResourceType"] for each in version["LaunchTemplateData"]["TagSpecifications"]]
    assert kinds == ["volume"]


def test_changed_tags_are_told(cloud: Any) -> None:
    identifier = template(cloud)["LaunchTemplateId"]
    cloud.ec2.create_tags(Resources=[identifier], Tags=[{"Key": "team", "Value": "nlp"}])
    (found,) = cloud.ec2.describe_launch_templates(LaunchTemplateIds=[identifier])["LaunchTemplates"]
    assert {"Key": "team", "Value": "nlp"} in found["Tags"]


def test_a_template_that_is_not_there_is_not_found(cloud: Any) -> None:
    unknown = "lt-0123456789abcdef0"
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.NotFound"):
        cloud.ec2.describe_launch_templates(LaunchTemplateIds=[unknown])
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateId\.NotFound"):
        cloud.ec2.delete_launch_template(LaunchTemplateId=unknown)
