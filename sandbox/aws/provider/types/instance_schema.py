"""The inputs of `aws.ec2.Instance`."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.aws.provider.schema import REGION, TAGS, Change, Field, Kind, refused, replaces, updates

_VOLUME_TYPES = ("standard", "io1", "io2", "gp2", "gp3", "sc1", "st1")

_SPOT_OPTIONS: Mapping[str, Field] = {
    "instanceInterruptionBehavior": replaces(computed=True, allowed=("hibernate", "stop", "terminate")),
    "maxPrice": replaces(computed=True),
    "spotInstanceType": replaces(computed=True, allowed=("one-time", "persistent")),
    "validUntil": replaces(computed=True),
}

_METADATA_OPTIONS: Mapping[str, Field] = {
    "httpEndpoint": updates(computed=True, allowed=("enabled", "disabled")),
    "httpProtocolIpv6": updates(computed=True, allowed=("enabled", "disabled")),
    "httpPutResponseHopLimit": updates(Kind.INTEGER, computed=True),
    "httpTokens": updates(computed=True, allowed=("optional", "required")),
    "instanceMetadataTags": updates(computed=True, allowed=("enabled", "disabled")),
}

_ROOT_BLOCK_DEVICE: Mapping[str, Field] = {
    "deleteOnTermination": updates(Kind.BOOLEAN, default=True),
    "deviceName": updates(computed=True),
    "encrypted": replaces(Kind.BOOLEAN, computed=True),
    "iops": updates(Kind.INTEGER, computed=True),
    "kmsKeyId": replaces(computed=True),
    "tags": TAGS,
    "tagsAll": updates(Kind.MAP, computed=True),
    "throughput": updates(Kind.INTEGER, computed=True),
    "volumeId": updates(computed=True),
    "volumeSize": updates(Kind.INTEGER, computed=True),
    "volumeType": updates(computed=True, allowed=_VOLUME_TYPES),
}

_EBS_BLOCK_DEVICE: Mapping[str, Field] = {
    "deleteOnTermination": replaces(Kind.BOOLEAN, default=True),
    "deviceName": replaces(required=True),
    "encrypted": replaces(Kind.BOOLEAN, computed=True),
    "iops": replaces(Kind.INTEGER, computed=True),
    "kmsKeyId": replaces(computed=True),
    "snapshotId": replaces(computed=True),
    "tags": refused(Change.UPDATE, "use volumeTags"),
    "tagsAll": refused(Change.UPDATE, "use volumeTags"),
    "throughput": replaces(Kind.INTEGER, computed=True),
    "volumeId": replaces(computed=True),
    "volumeSize": replaces(Kind.INTEGER, computed=True),
    "volumeType": replaces(computed=True, allowed=_VOLUME_TYPES),
}

_LAUNCH_TEMPLATE: Mapping[str, Field] = {
    "id": replaces(computed=True),
    "name": replaces(computed=True),
    "version": replaces(default="$Default"),
}

INPUTS: Mapping[str, Field] = {
    "ami": replaces(computed=True),
    "associatePublicIpAddress": replaces(Kind.BOOLEAN, computed=True),
    "availabilityZone": replaces(computed=True),
    "capacityReservationSpecification": refused(Change.UPDATE),
    "cpuOptions": refused(Change.REPLACE),
    "creditSpecification": refused(Change.UPDATE),
    "disableApiStop": updates(Kind.BOOLEAN, computed=True),
    "disableApiTermination": updates(Kind.BOOLEAN, computed=True),
    "ebsBlockDevices": replaces(Kind.OBJECT_SET, computed=True, fields=_EBS_BLOCK_DEVICE),
    "ebsOptimized": replaces(Kind.BOOLEAN, computed=True),
    "enablePrimaryIpv6": refused(Change.REPLACE),
    "enclaveOptions": refused(Change.REPLACE),
    "ephemeralBlockDevices": refused(Change.REPLACE),
    "forceDestroy": updates(Kind.BOOLEAN, default=False, told=False),
    "getPasswordData": refused(Change.UPDATE),
    "hibernation": refused(Change.REPLACE),
    "hostId": refused(Change.REPLACE),
    "hostResourceGroupArn": refused(Change.REPLACE),
    "iamInstanceProfile": updates(computed=True),
    "instanceInitiatedShutdownBehavior": updates(computed=True, allowed=("stop", "terminate")),
    "instanceMarketOptions": replaces(
        Kind.OBJECT,
        computed=True,
        fields={
            "marketType": replaces(computed=True, allowed=("spot",)),
            "spotOptions": replaces(Kind.OBJECT, computed=True, fields=_SPOT_OPTIONS),
        },
    ),
    "instanceType": updates(computed=True),
    "ipv6AddressCount": refused(Change.REPLACE),
    "ipv6Addresses": refused(Change.REPLACE),
    "keyName": replaces(computed=True),
    "launchTemplate": replaces(Kind.OBJECT, computed=True, fields=_LAUNCH_TEMPLATE),
    "maintenanceOptions": refused(Change.UPDATE),
    "metadataOptions": updates(Kind.OBJECT, computed=True, fields=_METADATA_OPTIONS),
    "monitoring": updates(Kind.BOOLEAN, computed=True),
    "networkInterfaces": refused(Change.REPLACE, "use subnetId and vpcSecurityGroupIds"),
    "placementGroup": replaces(computed=True),
    "placementGroupId": refused(Change.REPLACE, "use placementGroup"),
    "placementPartitionNumber": refused(Change.REPLACE),
    "primaryNetworkInterface": refused(Change.REPLACE, "use subnetId and vpcSecurityGroupIds"),
    "privateDnsNameOptions": refused(Change.UPDATE),
    "privateIp": replaces(computed=True),
    "region": REGION,
    "rootBlockDevice": updates(Kind.OBJECT, computed=True, fields=_ROOT_BLOCK_DEVICE),
    "secondaryNetworkInterfaces": refused(Change.REPLACE),
    "secondaryPrivateIps": refused(Change.UPDATE),
    "securityGroups": refused(Change.REPLACE, "use vpcSecurityGroupIds"),
    "sourceDestCheck": updates(Kind.BOOLEAN, default=True),
    "subnetId": replaces(computed=True),
    "tags": TAGS,
    "tagsAll": TAGS,
    "tenancy": replaces(computed=True, allowed=("default", "dedicated")),
    "userData": updates(computed=True),
    "userDataBase64": updates(computed=True),
    "userDataReplaceOnChange": updates(Kind.BOOLEAN, default=False, told=False),
    "volumeTags": updates(Kind.MAP, told=False),
    "vpcSecurityGroupIds": updates(Kind.SET, computed=True),
}

OUTPUTS = (
    "arn",
    "instanceLifecycle",
    "instanceState",
    "outpostArn",
    "passwordData",
    "primaryNetworkInterfaceId",
    "privateDns",
    "publicDns",
    "publicIp",
    "spotInstanceRequestId",
)
