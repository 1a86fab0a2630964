from typing import Any

from sandbox.aws.corrections.console_output import MOST_BYTES


def test_without_a_console_there_is_no_output(cloud: Any) -> None:
    assert "Output" not in cloud.ec2.get_console_output(InstanceId=cloud.launch()["InstanceId"])


def test_the_end_of_what_the_instance_wrote_is_given(cloud: Any) -> None:
    instance = cloud.launch()["InstanceId"]
    cloud.consoles[instance] = b"x" * MOST_BYTES + "runctl: é failed\n".encode()
    output = cloud.ec2.get_console_output(InstanceId=instance)["Output"]
    assert output.endswith("runctl: é failed\n")
    assert len(output.encode()) == MOST_BYTES
