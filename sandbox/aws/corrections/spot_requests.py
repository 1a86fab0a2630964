"""moto creates no spot request for RunInstances, and drops cancelled requests.

Here every spot instance has its one-time request, with EC2's states and status codes and the tags of the
launch; a cancelled request stays visible as cancelled. A request whose price is too low stays open without an
instance (RequestSpotInstances) or fails (RunInstances), as on EC2. Persistent requests are rejected.
"""

from datetime import datetime, timezone
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.core import TaggedEC2Resource
from moto.ec2.models.instances import InstanceBackend
from moto.ec2.models.spot_requests import LaunchSpecification, SpotRequestBackend
from moto.ec2.utils import random_spot_request_id

from sandbox.aws.cloud import lifecycle as states
from sandbox.aws.cloud.lifecycle import Cause
from sandbox.aws.corrections.launch_request import launch_parameters
from sandbox.aws.corrections.patches import Emulation, Patches
from sandbox.aws.corrections.spot_prices import on_demand_price, spot_price

_MESSAGES = {
    "fulfilled": "Your Spot request is fulfilled.",
    "price-too-low": "Your Spot request price is lower than the minimum fulfillment price.",
    "marked-for-termination": "Your Spot instance is marked for termination.",
    "instance-terminated-by-user": "Spot Instance terminated due to user-initiated termination.",
    "instance-terminated-no-capacity": "Your Spot instance was terminated due to insufficient Spot capacity.",
    "request-canceled-and-instance-running": "Your Spot request is canceled, but your instance runs on.",
    "canceled-before-fulfillment": "Your Spot request is canceled before it was fulfilled.",
}
_ENDED = {
    Cause.SPOT: "instance-terminated-no-capacity",
    Cause.CAPACITY: "instance-terminated-no-capacity",
    Cause.USER: "instance-terminated-by-user",
    Cause.INSTANCE: "instance-terminated-by-user",
}


class SpotRequest(TaggedEC2Resource):  # type: ignore[misc]
    """A one-time request; moto's responses read its attributes by name."""

    def __init__(
        self, backend: Any, price: str, specification: Any, tags: dict[str, str], created: float
    ) -> None:
        self.ec2_backend = backend
        self.id = random_spot_request_id()
        self.launch_specification = specification
        self.spot_price = price
        self.type = "one-time"
        self.instance_interruption_behavior = "terminate"
        self.product_description = "Linux/UNIX"
        self.create_time = datetime.fromtimestamp(created, timezone.utc)
        self.valid_until_as_string = self.valid_from_as_string = self.launch_group = None
        self.instance: Any = None
        self.state = "open"
        self._status = "price-too-low"
        self.add_tags(tags)

    @property
    def spot_instance_request_id(self) -> str:
        return str(self.id)

    @property
    def instance_id(self) -> str | None:
        return self.instance.id if self.instance is not None else None

    @property
    def launched_availability_zone(self) -> str | None:
        return self.instance.availability_zone if self.instance is not None else None

    @property
    def status(self) -> dict[str, Any]:
        return {"Code": self._status, "Message": _MESSAGES[self._status], "UpdateTime": self.create_time}

    def fulfil(self, instance: Any) -> None:
        self.instance = instance
        instance.lifecycle = "spot"
        instance.spot_instance_request_id = self.id
        instance.runctl_spot_request = self
        self.state, self._status = "active", "fulfilled"

    def marked_for_termination(self) -> None:
        self._status = "marked-for-termination"

    def cancel(self) -> None:
        """Change an open or active request to cancelled; a closed one stays closed."""
        if self.state == "open":
            self._status = "canceled-before-fulfillment"
        elif self.state == "active":
            self._status = "request-canceled-and-instance-running"
        if self.state in ("open", "active"):
            self.state = "cancelled"

    def instance_entered(self, state: str, cause: Cause) -> None:
        if state not in (states.SHUTTING_DOWN, states.TERMINATED):
            return
        self._status = _ENDED.get(cause, "instance-terminated-by-user")
        if self.state == "active":
            self.state = "closed"

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:  # noqa: ARG002
        values = {
            "state": self.state,
            "spot-instance-request-id": self.id,
            "instance-id": self.instance_id,
            "status-code": self._status,
            "type": self.type,
            "spot-price": self.spot_price,
            "launched-availability-zone": self.launched_availability_zone,
            "launch.image-id": self.launch_specification.image_id,
            "launch.instance-type": self.launch_specification.instance_type,
        }
        if filter_name in values:
            return values[filter_name]
        return super().get_filter_value(filter_name, "DescribeSpotInstanceRequests")


def request_of(instance: Any) -> SpotRequest | None:
    """The spot request that launched an instance."""
    return getattr(instance, "runctl_spot_request", None)


def apply(patches: Patches, emulation: Emulation) -> None:
    _make_a_request_at_launch(patches, emulation)
    _request_spot_instances(patches, emulation)
    _keep_cancelled_requests(patches)


def _make_a_request_at_launch(patches: Patches, emulation: Emulation) -> None:
    def make(run_instances: Any) -> Any:
        def launch(
            self: Any, image_id: str, count: int, user_data: Any, groups: list[str], **kwargs: Any
        ) -> Any:
            options = launch_parameters().get("InstanceMarketOptions") or {}
            if options.get("MarketType") != "spot":
                return run_instances(self, image_id, count, user_data, groups, **kwargs)
            spot = options.get("SpotOptions") or {}
            _refuse_persistent(spot.get("SpotInstanceType"), spot.get("InstanceInterruptionBehavior"))
            zone = _zone_of_launch(self, _subnet_of_launch(kwargs), kwargs.get("placement"))
            price = spot.get("MaxPrice") or on_demand_price(kwargs["instance_type"], self.region_name)
            current = spot_price(kwargs["instance_type"], zone)
            if float(price) < current:
                raise EC2ClientError(
                    "SpotMaxPriceTooLow",
                    f"Your Spot request price of {price} is lower than the minimum required Spot request "
                    f"fulfillment price of {current:.4f}.",
                )
            tags = (kwargs.get("tags") or {}).get("spot-instances-request", {})
            reservation = run_instances(self, image_id, count, user_data, groups, **kwargs)
            for instance in reservation.instances:
                request = SpotRequest(
                    self, _six_digits(price), _specification(instance), tags, emulation.clock()
                )
                request.fulfil(instance)
                self.spot_instance_requests[request.id] = request
            return reservation

        return launch

    patches.wrap(InstanceBackend, "run_instances", make)


def _request_spot_instances(patches: Patches, emulation: Emulation) -> None:
    def make(original: Any) -> Any:
        def request(self: Any, **kwargs: Any) -> Any:
            if kwargs.get("spot_fleet_id"):
                return original(self, **kwargs)
            _refuse_persistent(kwargs["spot_instance_type"], kwargs.get("instance_interruption_behaviour"))
            tags = (kwargs.get("tags") or {}).get("spot-instances-request", {})
            requests = []
            for _ in range(kwargs["count"]):
                requests.append(_one_request(self, kwargs, tags, emulation.clock()))
            return requests

        return request

    patches.wrap(SpotRequestBackend, "request_spot_instances", make)


def _one_request(backend: Any, wanted: dict[str, Any], tags: dict[str, str], now: float) -> SpotRequest:
    zone = _zone_of_launch(backend, wanted["subnet_id"], wanted["placement"])
    instance_type = wanted["instance_type"]
    price = wanted["price"] or on_demand_price(instance_type, backend.region_name)
    specification = LaunchSpecification(
        kernel_id=None,
        ramdisk_id=None,
        image_id=wanted["image_id"],
        key_name=wanted["key_name"],
        instance_type=instance_type,
        placement=zone,
        monitored=bool(wanted["monitoring_enabled"]),
        subnet_id=wanted["subnet_id"],
    )
    request = SpotRequest(backend, _six_digits(price), specification, tags, now)
    if float(price) >= spot_price(instance_type, zone):
        reservation = backend.run_instances(
            wanted["image_id"],
            1,
            wanted["user_data"],
            wanted["security_groups"],
            instance_type=instance_type,
            is_instance_type_default=False,
            region_name=backend.region_name,
            placement=zone,
            subnet_id=wanted["subnet_id"],
            key_name=wanted["key_name"],
            security_group_ids=[],
        )
        request.fulfil(reservation.instances[0])
    backend.spot_instance_requests[request.id] = request
    return request


def _keep_cancelled_requests(patches: Patches) -> None:
    def cancel(self: Any, request_ids: list[str]) -> list[Any]:
        unknown = [id_ for id_ in request_ids if id_ not in self.spot_instance_requests]
        if unknown:
            raise EC2ClientError(
                "InvalidSpotInstanceRequestID.NotFound",
                f"The spot instance request ID '{unknown[0]}' does not exist",
            )
        requests = [self.spot_instance_requests[id_] for id_ in request_ids]
        for request in requests:
            request.cancel()
        return requests

    def make(describe: Any) -> Any:
        def found(self: Any, filters: Any = None, spot_instance_ids: list[str] | None = None) -> Any:
            for id_ in spot_instance_ids or []:
                if id_ not in self.spot_instance_requests:
                    raise EC2ClientError(
                        "InvalidSpotInstanceRequestID.NotFound",
                        f"The spot instance request ID '{id_}' does not exist",
                    )
            return describe(self, filters, spot_instance_ids)

        return found

    patches.replace(SpotRequestBackend, "cancel_spot_instance_requests", cancel)
    patches.wrap(SpotRequestBackend, "describe_spot_instance_requests", make)


def _refuse_persistent(request_type: str | None, behaviour: str | None) -> None:
    if request_type == "persistent":
        raise EC2ClientError(
            "UnsupportedOperation", "The sandbox has no persistent Spot requests; use 'one-time'."
        )
    if (behaviour or "terminate") != "terminate":
        raise EC2ClientError(
            "InvalidParameterCombination",
            f"The instance interruption behavior '{behaviour}' needs a persistent Spot request.",
        )


def _subnet_of_launch(kwargs: dict[str, Any]) -> str | None:
    """The subnet of the launch or of its interface."""
    return kwargs.get("subnet_id") or next(
        (nic["SubnetId"] for nic in kwargs.get("nics") or () if "SubnetId" in nic), None
    )


def _zone_of_launch(backend: Any, subnet_id: str | None, placement: str | None) -> str:
    if subnet_id:
        return str(backend.get_subnet(subnet_id).availability_zone)
    return placement or f"{backend.region_name}a"


def _specification(instance: Any) -> Any:
    return LaunchSpecification(
        kernel_id=None,
        ramdisk_id=None,
        image_id=instance.image_id,
        key_name=instance.key_name,
        instance_type=instance.instance_type,
        placement=instance.availability_zone,
        monitored=instance.monitored,
        subnet_id=instance.subnet_id,
    )


def _six_digits(price: str | float) -> str:
    return f"{float(price):.6f}"
