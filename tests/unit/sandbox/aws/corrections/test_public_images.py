from typing import Any

import pytest

UBUNTU = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
DEEP = "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
@pytest.mark.parametrize(
    ("parameter", "owner", "device"),
    [(UBUNTU, "099720109477", "/dev/sda1"), (DEEP, "898082745236", "/dev/xvda")],
)
def test_a_public_parameter_names_an_image(
    cloud: Any, region: str, parameter: str, owner: str, device: str
) -> None:
    image_id = cloud.client("ssm", region).get_parameter(Name=parameter)["Parameter"]["Value"]
    [image] = cloud.client("ec2", region).describe_images(ImageIds=[image_id])["Images"]
    assert (image["OwnerId"], image["RootDeviceName"], image["Architecture"]) == (owner, device, "x86_64")


def test_a_deep_learning_image_starts_with_its_own_root_size(cloud: Any) -> None:
    image_id = cloud.client("ssm").get_parameter(Name=DEEP)["Parameter"]["Value"]
    cloud.launch(ImageId=image_id, InstanceType="g5.xlarge")
    assert [volume["Size"] for volume in cloud.ec2.describe_volumes()["Volumes"]] == [75]


def test_amazon_linux_has_its_parameter_and_starts(corrected: Any) -> None:
    image_id = corrected.image()
    [image] = corrected.ec2.describe_images(ImageIds=[image_id])["Images"]
    assert image["Name"].startswith("al2023-ami-2023")
    assert corrected.launch(ImageId=image_id)["ImageId"] == image_id


def test_regions_have_different_images(cloud: Any) -> None:
    ids = {
        cloud.client("ssm", region).get_parameter(Name=UBUNTU)["Parameter"]["Value"]
        for region in ("us-east-1", "us-west-2")
    }
    assert len(ids) == 2
