"""The account behind the API: its pods, network volumes, templates and secrets, and RunPod's rules for them.

Kept in a file, so that a process that takes over knows what an earlier one made. Not for several threads at
once.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sandbox.runpod.catalogue import CPUS, DATA_CENTRES, GPUS, price_hour
from sandbox.runpod.problem import Problem
from sandbox.runpod.uses import Uses

Item = dict[str, Any]
_KINDS = ("pods", "networkVolumes", "templates", "secrets")
_SECRET_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.\-/]*")
_RESERVED = "runpod"
_REFERENCE = re.compile(r"\{\{\s*RUNPOD_SECRET_([a-zA-Z_][a-zA-Z0-9_.\-/]*)\s*\}\}")
_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "PROVISIONING": ("stop", "terminate"),
    "STARTING": ("stop", "terminate"),
    "RUNNING": ("stop", "restart", "terminate"),
    "EXITED": ("start", "terminate"),
    "ERROR": ("start", "terminate"),
    "TERMINATED": (),
}
_CONTAINER = ("image", "args", "disk", "ports", "env", "registry")
_TEMPLATE_DEFAULTS: Item = {
    "args": "",
    "disk": 20,
    "ports": [],
    "env": {},
    "registry": None,
    "mounts": {},
    "serverless": False,
    "public": False,
    "category": "NVIDIA",
    "startSsh": True,
    "startJupyter": True,
    "allowedCudaVersions": [],
}


class Account:
    """One account, empty unless `file` holds one. `now` gives seconds since the epoch."""

    def __init__(self, file: Path, now: Callable[[], float]) -> None:
        self._file, self._now = file, now
        self._items: dict[str, dict[str, Item]] = {kind: {} for kind in _KINDS}
        self._values: dict[str, str] = {}
        self._pod_keys: dict[str, str] = {}
        self.uses = Uses(now)
        if file.exists():
            self._load()

    # -- reading

    def all(self, kind: str) -> list[Item]:
        return [self._shown(kind, each) for each in self._items[kind].values()]

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now(), timezone.utc)

    def one(self, kind: str, identity: str) -> Item:
        return self._shown(kind, self._one(kind, identity))

    def pod_of_key(self, key: str) -> str | None:
        """The pod that a pod-scoped key belongs to."""
        return next((pod for pod, each in self._pod_keys.items() if secrets.compare_digest(each, key)), None)

    def pod_key(self, pod: str) -> str:
        return self._pod_keys[pod]

    def environment(self, pod: Item) -> dict[str, str]:
        """The pod's variables, with the values of the secrets that they name; an unknown one stays a name."""
        by_name = {each["name"]: self._values[each["id"]] for each in self._items["secrets"].values()}
        return {
            name: _REFERENCE.sub(lambda found: by_name.get(found[1], found[0]), text)
            for name, text in pod["env"].items()
        }

    # -- pods

    def create_pod(self, body: Mapping[str, Any]) -> Item:
        template = self._one("templates", body["templateId"]) if "templateId" in body else None
        container = {name: template[name] for name in _CONTAINER} if template else {}
        container |= {name: body[name] for name in _CONTAINER if name in body}
        container["env"] = {**(template["env"] if template else {}), **body.get("env", {})}
        if "image" not in container:
            raise Problem(422, "Request validation failed.", errors=["image: is missing"])
        mounts = body.get("mounts", {})
        place = self._place(body, mounts)
        identity = _new_id()
        pod: Item = {
            "args": "",
            "disk": 20,
            "ports": [],
            "registry": None,
            **container,
            "id": identity,
            "name": body["name"],
            "status": "PROVISIONING",
            "mounts": mounts,
            "cloud": body.get("cloud", "SECURE"),
            "dataCenterId": place,
            "cudaVersion": None,
            "ssh": {"proxy": None, "direct": None},
            "template": body.get("templateId"),
            "cost": 0.0,
            "locked": False,
            "runtime": None,
            "createdAt": self._time(),
            "startedAt": None,
            "globalNetworking": {"enabled": False},
            **self._compute(body, mounts),
        }
        self._items["pods"][identity] = pod
        self._pod_keys[identity] = f"rpa_pod_{secrets.token_urlsafe(24)}"
        self._save()
        return self.one("pods", identity)

    def update_pod(self, identity: str, body: Mapping[str, Any]) -> Item:
        pod = self._one("pods", identity)
        self._refuse_cluster(pod)
        pod.update(
            {name: value for name, value in body.items() if name not in ("templateId", "globalNetworking")}
        )
        self._save()
        return self.one("pods", identity)

    def act(self, identity: str, action: str) -> Item | None:
        """None when the pod is terminated."""
        pod = self._one("pods", identity)
        self._refuse_cluster(pod)
        if action not in _ACTIONS[pod["status"]]:
            raise Problem(409, f"A pod that is {pod['status']} cannot {action}.")
        if action == "terminate":
            self.terminate(identity)
            return None
        self.set_status(identity, "EXITED" if action == "stop" else "PROVISIONING")
        return self.one("pods", identity)

    def terminate(self, identity: str) -> None:
        """Forgets the pod: the list does not show it any more."""
        self._refuse_cluster(self._one("pods", identity))
        self.lose(identity)

    def lose(self, identity: str) -> None:
        """The pod is gone, whoever ended it."""
        self._one("pods", identity)
        self.uses.end(identity)
        del self._items["pods"][identity]
        self._pod_keys.pop(identity, None)
        self._save()

    def set_status(self, identity: str, status: str) -> None:
        """The status that the pod's processes have come to; no effect when the pod is gone."""
        pod = self._items["pods"].get(identity)
        if pod is not None and pod["status"] != status:
            pod["status"] = status
            if status == "RUNNING":
                pod["startedAt"] = self._time()
            if status in ("RUNNING", "EXITED"):
                price = price_hour(pod) if status == "RUNNING" else 0.0
                self.uses.begin("pods", identity, pod["disk"], price, gpu="gpu" in pod)
            self._save()

    # -- network volumes, templates, secrets

    def create_volume(self, body: Mapping[str, Any]) -> Item:
        place = next((each for each in DATA_CENTRES if each["id"] == body["dataCenter"]), None)
        kinds = place["networkVolumeTypes"] if place else []
        if not kinds or body.get("type", kinds[0]) not in kinds:
            raise Problem(400, f"Network volumes of this type are not offered in {body['dataCenter']}.")
        made = self._add("networkVolumes", {"type": kinds[0], **body})
        self.uses.begin("networkVolumes", made["id"], made["size"])
        self._save()
        return made

    def update_volume(self, identity: str, body: Mapping[str, Any]) -> Item:
        volume = self._one("networkVolumes", identity)
        if not body:
            raise Problem(422, "Request validation failed.", errors=["the body: is empty"])
        if body.get("size", volume["size"]) < volume["size"]:
            raise Problem(400, "A network volume cannot be made smaller.")
        self.uses.begin("networkVolumes", identity, body.get("size", volume["size"]))
        return self._change("networkVolumes", volume, body)

    def create_template(self, body: Mapping[str, Any]) -> Item:
        return self._add("templates", {**_TEMPLATE_DEFAULTS, **body})

    def update_template(self, identity: str, body: Mapping[str, Any]) -> Item:
        return self._change("templates", self._one("templates", identity), body)

    def create_secret(self, body: Mapping[str, Any]) -> Item:
        name = body["name"]
        if not _SECRET_NAME.fullmatch(name) or name.lower().startswith(_RESERVED):
            raise Problem(422, "Request validation failed.", errors=["name: is not a name of a secret"])
        if any(each["name"] == name for each in self._items["secrets"].values()):
            raise Problem(409, f"There is a secret {name} already.")
        made = self._add("secrets", {key: value for key, value in body.items() if key != "value"})
        self._values[made["id"]] = body["value"]
        self._save()
        return made

    def update_secret(self, identity: str, body: Mapping[str, Any]) -> Item:
        secret = self._one("secrets", identity)
        if "value" in body:
            self._values[identity] = body["value"]
        return self._change("secrets", secret, {key: value for key, value in body.items() if key != "value"})

    def delete(self, kind: str, identity: str) -> None:
        self._one(kind, identity)
        if kind == "templates" and any(each["template"] == identity for each in self._items["pods"].values()):
            raise Problem(400, "The template is in use by a pod.")
        if kind == "networkVolumes" and self._pods_with(identity):
            raise Problem(400, "The network volume is attached to a pod.")
        self.uses.end(identity)
        del self._items[kind][identity]
        self._values.pop(identity, None)
        self._save()

    # -- rules

    def _compute(self, body: Mapping[str, Any], mounts: Mapping[str, Any]) -> Item:
        if ("gpu" in body) == ("cpu" in body):
            raise Problem(400, "Exactly one of gpu and cpu is needed.")
        if "gpu" in body:
            gpu = next((each for each in GPUS if each["id"] == body["gpu"]["id"]), None)
            count = body["gpu"].get("count", 1)
            cloud = body.get("cloud", "SECURE").lower()
            if gpu is None or not gpu[cloud] or count > gpu["maxCount"][cloud]:
                raise Problem(400, "There is no such GPU in this cloud, or not so many in one machine.")
            return {"gpu": {"id": gpu["id"], "count": count}}
        cpu = next((each for each in CPUS if each["id"] == body["cpu"]["id"]), None)
        count = body["cpu"]["vcpuCount"]
        if cpu is None or count & (count - 1) or not cpu["vcpu"]["min"] <= count <= cpu["vcpu"]["max"]:
            raise Problem(400, "There is no such CPU flavour, or not with so many CPUs.")
        if "persistent" in mounts:
            raise Problem(400, "A CPU pod has no persistent mount.")
        return {"cpu": {"id": cpu["id"], "vcpuCount": count, "memory": int(count * cpu["ramGbPerVcpu"])}}

    def _place(self, body: Mapping[str, Any], mounts: Mapping[str, Any]) -> str:
        """The data centre: of the network volume, else the first that is preferred."""
        known = [str(each["id"]) for each in DATA_CENTRES]
        wanted = body.get("dataCenterIds") or known
        if not set(wanted) <= set(known):
            raise Problem(400, "There is no such data centre.")
        if "persistent" in mounts and "network" in mounts:
            raise Problem(400, "A pod has a persistent mount or a network mount, not both.")
        if len(mounts.get("network", ())) > 1:
            raise Problem(422, "Request validation failed.", errors=["mounts.network: has more than 1 entry"])
        for mount in mounts.get("network", ()):
            place = str(self._one("networkVolumes", mount["volumeId"])["dataCenter"])
            if place not in wanted:
                raise Problem(400, f"The network volume is in {place}.")
            return place
        return str(wanted[0])

    def _pods_with(self, volume: str) -> list[str]:
        return [
            each["id"]
            for each in self._items["pods"].values()
            if any(mount["volumeId"] == volume for mount in each["mounts"].get("network", ()))
        ]

    def _refuse_cluster(self, pod: Item) -> None:
        if "cluster" in pod:
            raise Problem(409, "The pod belongs to a cluster.")

    def _shown(self, kind: str, item: Item) -> Item:
        if kind != "pods":
            return dict(item)
        running = item["status"] == "RUNNING"
        return {
            **item,
            "actions": list(_ACTIONS[item["status"]]),
            "cost": price_hour(item) if running else 0.0,
            "runtime": {"uptime": 0, "ports": []} if running else None,
        }

    # -- storing

    def _one(self, kind: str, identity: str) -> Item:
        found = self._items[kind].get(identity)
        if found is None:
            raise Problem(404, "resource not found")
        return found

    def _add(self, kind: str, content: Mapping[str, Any]) -> Item:
        identity = _new_id()
        self._items[kind][identity] = {"id": identity, **content}
        self._save()
        return self.one(kind, identity)

    def _change(self, kind: str, item: Item, body: Mapping[str, Any]) -> Item:
        item.update(body)
        self._save()
        return self.one(kind, item["id"])

    def _time(self) -> str:
        return datetime.fromtimestamp(self._now(), timezone.utc).isoformat().replace("+00:00", "Z")

    def _load(self) -> None:
        content = json.loads(self._file.read_text(encoding="utf-8"))
        self._items, self._values, self._pod_keys = content["items"], content["values"], content["pod_keys"]
        self.uses = Uses(self._now, content["uses"])

    def _save(self) -> None:
        content = {
            "items": self._items,
            "values": self._values,
            "pod_keys": self._pod_keys,
            "uses": self.uses.as_json(),
        }
        draft = self._file.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file)
        draft.replace(self._file)


def _new_id() -> str:
    """Fourteen letters and digits, as RunPod's ids have."""
    return "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(14))
