"""`blkid`, `lsblk`, `mkfs` and its variants, `resize2fs`, `xfs_growfs`."""

from __future__ import annotations

import json
import sys

from sandbox.hosts.guest import mounts
from sandbox.hosts.guest.block_devices import Device, DeviceError, devices, find_device
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError

_NOTHING_FOUND = 2
_KINDS = ("ext2", "ext3", "ext4", "xfs")
_COLUMNS = ("NAME", "PATH", "FSTYPE", "LABEL", "UUID", "MOUNTPOINT", "MOUNTPOINTS", "SIZE", "TYPE", "SERIAL",
            "FSSIZE")  # fmt: skip


def main(name: str, arguments: list[str]) -> int:
    layout = HostLayout.of_environment()
    try:
        if name == "blkid":
            return _blkid(layout, arguments)
        if name == "lsblk":
            return _lsblk(layout, arguments)
        if name == "resize2fs":
            return _resize2fs(layout, arguments)
        if name == "xfs_growfs":
            return _xfs_growfs(layout, arguments)
        return _mkfs(layout, name, arguments)
    except DeviceError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return _NOTHING_FOUND if name == "blkid" else 1


def _blkid(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-p", "--probe"), ("-o", "--output", "-s", "--match-tag", "-c", "-t"))
    if found.value("-t"):
        raise UsageError("the option '-t' is not supported by sandbox hosts")
    chosen = [find_device(layout, word) for word in found.words] or list(devices(layout))
    wanted = found.values.get("-s", []) + found.values.get("--match-tag", [])
    form = found.value("-o", "--output") or "full"
    if form not in ("full", "value", "export"):
        raise UsageError(f"the output '{form}' is not supported by sandbox hosts")
    shown = 0
    for device in chosen:
        tags = {key: value for key, value in _tags(device).items() if not wanted or key in wanted}
        if not tags:
            continue
        shown += 1
        if form == "value":
            sys.stdout.write("".join(f"{value}\n" for value in tags.values()))
        elif form == "export":
            sys.stdout.write(f"DEVNAME={device.node}\n" + "".join(f"{k}={v}\n" for k, v in tags.items()))
        else:
            sys.stdout.write(f"{device.node}: " + " ".join(f'{k}="{v}"' for k, v in tags.items()) + "\n")
    return 0 if shown else _NOTHING_FOUND


def _tags(device: Device) -> dict[str, str]:
    system = device.file_system()
    if system is None:
        return {}
    label = {"LABEL": system.label} if system.label else {}
    return {**label, "UUID": system.uuid, "TYPE": system.type}


def _lsblk(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(
        arguments,
        ("-n", "--noheadings", "-J", "--json", "-f", "--fs", "-p", "--paths", "-d", "--nodeps", "-r", "--raw",
         "-b", "-l", "--list"),
        ("-o", "--output"),
    )  # fmt: skip
    default = (
        "NAME,FSTYPE,LABEL,UUID,MOUNTPOINTS" if found.has("-f", "--fs") else "NAME,SIZE,TYPE,MOUNTPOINTS"
    )
    columns = (found.value("-o", "--output") or default).upper().split(",")
    for column in columns:
        if column not in _COLUMNS:
            raise UsageError(f"the column '{column}' is not supported by sandbox hosts")
    chosen = [find_device(layout, word) for word in found.words] or list(devices(layout))
    rows = [_row(layout, device, in_bytes="-b" in found.flags) for device in chosen]
    if found.has("-J", "--json"):
        listed = [{column.lower(): row[column] or None for column in columns} for row in rows]
        sys.stdout.write(json.dumps({"blockdevices": listed}, indent=3) + "\n")
        return 0
    if not found.has("-n", "--noheadings"):
        sys.stdout.write(" ".join(columns) + "\n")
    for row in rows:
        sys.stdout.write(" ".join(row[column] for column in columns).rstrip() + "\n")
    return 0


def _row(layout: HostLayout, device: Device, in_bytes: bool) -> dict[str, str]:
    tags = _tags(device)
    mounted = mounts.find(layout, str(device.node))
    target = mounted.target if mounted else ""
    system = device.file_system()
    return {
        "NAME": device.node.name,
        "PATH": str(device.node),
        "FSTYPE": tags.get("TYPE", ""),
        "LABEL": tags.get("LABEL", ""),
        "UUID": tags.get("UUID", ""),
        "MOUNTPOINT": target,
        "MOUNTPOINTS": target,
        "SIZE": _shown(device.size_gb, in_bytes=in_bytes),
        "FSSIZE": _shown(system.size_gb, in_bytes=in_bytes) if system and target else "",
        "TYPE": "disk",
        "SERIAL": device.volume.replace("-", ""),
    }


def _shown(gigabytes: int, *, in_bytes: bool) -> str:
    return str(gigabytes << 30) if in_bytes else f"{gigabytes}G"


def _resize2fs(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-p", "-f"), ())
    if len(found.words) != 1:
        raise UsageError("give one device, and no size: sandbox hosts grow to the device's size only")
    device = find_device(layout, found.words[0])
    system = device.file_system()
    if system is None or not system.type.startswith("ext"):
        raise DeviceError(f"Bad magic number in super-block while trying to open {device.node}")
    if device.grow():
        sys.stdout.write(f"The filesystem on {device.node} is now {device.size_gb}G long.\n")
    else:
        sys.stdout.write(f"The filesystem is already {system.size_gb}G long.  Nothing to do!\n")
    return 0


def _xfs_growfs(layout: HostLayout, arguments: list[str]) -> int:
    found = parse(arguments, ("-d",), ())
    if len(found.words) != 1:
        raise UsageError("give one mount point")
    mounted = mounts.find(layout, found.words[0])
    if mounted is None or mounted.type != "xfs":
        raise DeviceError(f"{found.words[0]} is not a mounted XFS filesystem")
    device = find_device(layout, mounted.source)
    grown = device.grow()
    sys.stdout.write(
        f"data blocks changed to {device.size_gb}G\n" if grown else "data size unchanged, skipping\n"
    )
    return 0


def _mkfs(layout: HostLayout, name: str, arguments: list[str]) -> int:
    found = parse(
        arguments,
        ("-F", "-f", "-q", "-v", "-j", "-K"),
        ("-t", "--type", "-L", "-m", "-E", "-O", "-b", "-i", "-I", "-T", "-d", "-l", "-n", "-s"),
    )
    kind = found.value("-t", "--type") or {"mkfs": "ext2", "mke2fs": "ext2"}.get(
        name, name.rpartition(".")[2]
    )
    if kind not in _KINDS:
        raise UsageError(f"the file system type '{kind}' is not supported by sandbox hosts")
    if len(found.words) != 1:
        raise UsageError("give one device")
    device = find_device(layout, found.words[0])
    if mounts.find(layout, str(device.node)):
        raise DeviceError(f"{device.node} is mounted; will not make a filesystem here!")
    if kind == "xfs" and device.file_system() and not found.has("-f"):
        raise DeviceError(
            f"{device.node} appears to contain an existing filesystem. Use the -f option to force."
        )
    made = device.format(kind, found.value("-L") or "")
    if not found.has("-q"):
        sys.stdout.write(f"Creating {kind} filesystem on {device.node}\nFilesystem UUID: {made.uuid}\n")
    return 0
