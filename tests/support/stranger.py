"""What a stranger tries on the ports of a running sandbox. Standard library only: it also runs inside hosts,
with `sigv4.py` of the agent beside it.

`python stranger.py SPEC` prints a JSON list of `[port, attempt, outcome]`; the outcome is '' when the attempt
got nothing. SPEC: `ports` (name to number), `metadata` (ports of metadata services), `owned` (what belongs to
the victim), `messages` (gRPC method to request in hex), `with_role` (sign with the role of this machine).
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import json
import os
import socket
import sys
import urllib.request
from datetime import datetime, timezone
from typing import Any

TIMEOUT = 20.0
FORM = "application/x-www-form-urlencoded"
SERVICE = "/pulumirpc.ResourceProvider/"

Attempt = tuple[str, str, str, dict[str, str], bytes]
"""What it is called, method, path, headers, body."""


# -- HTTP ----------------------------------------------------------------------------------------------------


def send(port: int, attempt: Attempt) -> str:
    """The status and answer of a request that was served; '' when it was refused."""
    _, method, path, headers, body = attempt
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read(300)
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
    allowed = [name for name, _ in answer.getheaders() if name.lower().startswith("access-control-allow")]
    served = answer.status < 400
    return f"{answer.status} {allowed} {text!r}" if served or allowed else ""


def form(action: str, **parameters: str) -> bytes:
    return "&".join(f"{name}={value}" for name, value in {"Action": action, **parameters}.items()).encode()


def _against_own_bucket(bucket: str) -> list[tuple[str, str, str, str, dict[str, str], bytes]]:
    """What a job tries in its own bucket, beyond what its run writes."""
    run, key = f"/{bucket}/runs/run-1", "checkpoints/line/00000000/manifest.json"
    version = f"<Delete><Object><Key>{key}</Key><VersionId>null</VersionId></Object></Delete>".encode()
    suspended = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"
    return [
        ("change its own spec", "s3", "PUT", f"{run}/spec.json", {}, b"{}"),
        ("change its own spec in parts", "s3", "POST", f"{run}/spec.json?uploads", {}, b""),
        ("take a stop request back", "s3", "DELETE", f"{run}/control/stop.json", {}, b""),
        ("request a stop", "s3", "PUT", f"{run}/control/stop.json", {}, b"{}"),
        ("end another run", "s3", "PUT", f"/{bucket}/runs/run-2/status.json", {}, b"{}"),
        ("replace the agent", "s3", "PUT", f"/{bucket}/agent/0.pyz", {}, b""),
        ("replace the code", "s3", "PUT", f"/{bucket}/code/0.tar.gz", {}, b""),
        (
            "forge another lineage",
            "s3",
            "PUT",
            f"/{bucket}/checkpoints/other/00000000/manifest.json",
            {},
            b"",
        ),
        ("delete another lineage", "s3", "DELETE", f"/{bucket}/checkpoints/other/00000000/model", {}, b""),
        ("choose a checkpoint", "s3", "PUT", f"/{bucket}/checkpoints/line/chosen.json", {}, b"{}"),
        ("delete a version", "s3", "DELETE", f"/{bucket}/{key}?versionId=null", {}, b""),
        ("delete versions at once", "s3", "POST", f"/{bucket}?delete", {}, version),
        ("list versions", "s3", "GET", f"/{bucket}?versions", {}, b""),
        ("suspend versioning", "s3", "PUT", f"/{bucket}?versioning", {}, suspended),
        ("end the retention", "s3", "DELETE", f"/{bucket}?lifecycle", {}, b""),
    ]


def aws_calls(owned: dict[str, str]) -> list[tuple[str, str, str, str, dict[str, str], bytes]]:
    """Calls that would read or change what belongs to others: name, service, method, path, headers, body."""
    bucket, key, instance = owned["bucket"], owned["key"], owned["instance"]
    ec2, iam, sts = ({"content-type": FORM},) * 3
    ssm = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "AmazonSSM.GetParameters"}
    path = {**ssm, "x-amz-target": "AmazonSSM.GetParametersByPath"}
    names = json.dumps({"Names": [owned["parameter"]], "WithDecryption": True}).encode()
    everything = json.dumps({"Path": "/runctl", "Recursive": True, "WithDecryption": True}).encode()
    deletion = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode()
    copied = {"x-amz-copy-source": f"{bucket}/{key}"}
    version = "2016-11-15"
    return [
        ("list buckets", "s3", "GET", "/", {}, b""),
        ("list a job's bucket", "s3", "GET", f"/{bucket}", {}, b""),
        ("read a job's object", "s3", "GET", f"/{bucket}/{key}", {}, b""),
        ("look at a job's object", "s3", "HEAD", f"/{bucket}/{key}", {}, b""),
        ("write into a job's bucket", "s3", "PUT", f"/{bucket}/{key}", {}, b"forged"),
        ("delete a job's object", "s3", "DELETE", f"/{bucket}/{key}", {}, b""),
        ("delete objects at once", "s3", "POST", f"/{bucket}?delete", {}, deletion),
        ("delete a bucket", "s3", "DELETE", f"/{bucket}", {}, b""),
        ("make a bucket", "s3", "PUT", "/stranger", {}, b""),
        ("copy a job's object", "s3", "PUT", f"/{owned['own_bucket']}/checkpoints/copy", copied, b""),
        *_against_own_bucket(owned["own_bucket"]),
        ("replace a bucket's policy", "s3", "PUT", f"/{bucket}?policy", {}, b"{}"),
        ("read a job's secret", "ssm", "POST", "/", ssm, names),
        ("read all secrets", "ssm", "POST", "/", path, everything),
        ("list instances", "ec2", "POST", "/", ec2, form("DescribeInstances", Version=version)),
        (
            "read user data",
            "ec2",
            "POST",
            "/",
            ec2,
            form("DescribeInstanceAttribute", Version=version, InstanceId=instance, Attribute="userData"),
        ),
        (
            "launch a machine",
            "ec2",
            "POST",
            "/",
            ec2,
            form("RunInstances", Version=version, ImageId=owned["image"], MinCount="1", MaxCount="1"),
        ),
        (
            "end a machine",
            "ec2",
            "POST",
            "/",
            ec2,
            form("TerminateInstances", Version=version, **{"InstanceId.1": instance}),
        ),
        (
            "take a job's role",
            "sts",
            "POST",
            "/",
            sts,
            form("AssumeRole", Version="2011-06-15", RoleArn=owned["role"], RoleSessionName="x"),
        ),
        ("take a session", "sts", "POST", "/", sts, form("GetSessionToken", Version="2011-06-15")),
        ("list roles", "iam", "POST", "/", iam, form("ListRoles", Version="2010-05-08")),
        (
            "make a user's key",
            "iam",
            "POST",
            "/",
            iam,
            form("CreateAccessKey", Version="2010-05-08", UserName="x"),
        ),
        ("list schedules", "scheduler", "GET", "/schedules", {}, b""),
        (
            "list groups of logs",
            "logs",
            "POST",
            "/",
            {**ssm, "x-amz-target": "Logs_20140328.DescribeLogGroups"},
            b"{}",
        ),
        (
            "find by tags",
            "tagging",
            "POST",
            "/",
            {**ssm, "x-amz-target": "ResourceGroupsTaggingAPI_20170126.GetResources"},
            b"{}",
        ),
    ]


def signed(port: int, keys: tuple[str, str, str | None], call: tuple[Any, ...]) -> Attempt:
    sigv4 = importlib.import_module("sigv4")
    name, service, method, path, headers, body = call
    bare, _, query = path.partition("?")
    url = f"http://127.0.0.1:{port}{bare}" + (f"?{query if '=' in query else query + '='}" if query else "")
    made = sigv4.signed_headers(
        method,
        url,
        headers,
        payload_sha256=hashlib.sha256(body).hexdigest(),
        credentials=sigv4.Credentials(*keys),
        region="us-east-1",
        now=datetime.now(timezone.utc),
        service=service,
    )
    made["Host"] = made.pop("host")
    return name, method, url.partition(f":{port}")[2], made, body


def scope(service: str, key: str = "sandbox") -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20261130/us-east-1/{service}/aws4_request"


def without_keys(owned: dict[str, str]) -> list[Attempt]:
    """AWS calls that are unsigned, signed in other ways, or with a made-up signature."""
    bucket, key = owned["bucket"], owned["key"]
    fake = "SignedHeaders=host, Signature=" + "0" * 64
    attempts: list[Attempt] = []
    for name, service, method, path, headers, body in aws_calls(owned):
        told = {"authorization": f"{scope(service)}, {fake}", "x-amz-date": "20261130T000000Z"}
        attempts.append((f"{name}, forged signature", method, path, {**headers, **told}, body))
        attempts.append((f"{name}, no signature", method, path, headers, body))
    old = {"authorization": f"AWS sandbox:{'A' * 27}="}
    query = (
        f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=sandbox%2F20261130%2Fus-east-1%2Fs3%2Faws4_request"
        f"&X-Amz-Date=20261130T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"
    )
    return [
        *attempts,
        ("read an object, signature version 2", "GET", f"/{bucket}/{key}", old, b""),
        ("read an object, presigned", "GET", f"/{bucket}/{key}?{query}", {}, b""),
        (
            "read an object, presigned version 2",
            "GET",
            f"/{bucket}/{key}?AWSAccessKeyId=sandbox&Expires=9999999999&Signature=x",
            {},
            b"",
        ),
        ("name of a service in the path", "GET", "/ec2_us-east-1/?Action=DescribeInstances", {}, b""),
        ("action in the query", "POST", "/?Action=DescribeInstances&Version=2016-11-15", {}, b""),
        (
            "role by web identity",
            "POST",
            "/",
            {"content-type": FORM},
            form(
                "AssumeRoleWithWebIdentity", RoleArn=owned["role"], RoleSessionName="x", WebIdentityToken="x"
            ),
        ),
        (
            "unsigned JSON target",
            "POST",
            "/",
            {"x-amz-target": "AWSCognitoIdentityProviderService.ListUserPools"},
            b"{}",
        ),
        ("metadata of moto", "GET", "/latest/meta-data/iam/security-credentials/", {}, b""),
        ("dashboard", "GET", "/moto-api/", {}, b""),
        ("dashboard's data", "GET", "/moto-api/data.json", {}, b""),
        ("reset of the emulator", "POST", "/moto-api/reset", {}, b""),
        ("reset, two slashes", "POST", "//moto-api/reset", {}, b""),
        ("recorder", "POST", "/moto-api/recorder/start-recording", {}, b""),
        (
            "upload by a form",
            "POST",
            f"/{bucket}",
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--x--\r\n',
        ),
    ]


def control_calls(owned: dict[str, str]) -> list[Attempt]:
    """The control interface, without the token and with guesses."""
    instance = f"/sandbox-api/instances/{owned['instance']}"
    calls: list[Attempt] = [
        ("health", "GET", "/sandbox-api/health", {}, b""),
        ("all instances", "GET", "/sandbox-api/instances?timeout=0", {}, b""),
        ("inventory", "GET", "/sandbox-api/inventory", {}, b""),
        ("faults", "GET", "/sandbox-api/faults", {}, b""),
        (
            "a fault",
            "POST",
            "/sandbox-api/faults",
            {},
            b'{"service": "s3", "operation": "GetObject", "code": "X", "times": 1}',
        ),
        ("no faults", "DELETE", "/sandbox-api/faults", {}, b""),
        ("consistency", "POST", "/sandbox-api/consistency", {}, b'{"delay_seconds": 1000}'),
        ("points", "POST", "/sandbox-api/points", {}, b'{"hold": 1, "when": "before"}'),
        ("release", "POST", "/sandbox-api/points/release", {}, b"{}"),
        ("end of a machine", "POST", f"{instance}/ended", {}, b'{"boot": 1}'),
        ("interruption", "POST", f"{instance}/interrupt", {}, b'{"notice_seconds": 0}'),
        ("network", "POST", f"{instance}/network", {}, b'{"connected": false}'),
        ("two slashes", "GET", "//sandbox-api/health", {}, b""),
        ("encoded", "GET", "/%73andbox-api/health", {}, b""),
    ]
    guesses = ["", "Bearer ", "Bearer sandbox", "Bearer null", "Basic c2FuZGJveDpzYW5kYm94", f"{scope('s3')}"]
    return [
        (f"{name}, {guess or 'no token'}", method, path, {"authorization": guess} if guess else {}, body)
        for name, method, path, _, body in calls
        for guess in guesses
    ]


def metadata_calls() -> list[Attempt]:
    """The metadata service of a host, as if its paths had no secret, and with guesses of it."""
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    guesses = ["", "/", "/secret", "/sandbox", "/i-1", "/..", "/%2e%2e", "/latest"]
    token = {"X-aws-ec2-metadata-token": "guess"}
    attempts: list[Attempt] = []
    for guess in guesses:
        attempts += [
            (f"token below '{guess}'", "PUT", f"{guess}/latest/api/token", lifetime, b""),
            (
                f"token below '{guess}', forwarded",
                "PUT",
                f"{guess}/latest/api/token",
                {**lifetime, "X-Forwarded-For": "::1"},
                b"",
            ),
            (
                f"role below '{guess}'",
                "GET",
                f"{guess}/latest/meta-data/iam/security-credentials/",
                token,
                b"",
            ),
            (f"user data below '{guess}'", "GET", f"{guess}/latest/user-data", {}, b""),
            (
                f"identity below '{guess}'",
                "GET",
                f"{guess}/latest/dynamic/instance-identity/document",
                token,
                b"",
            ),
        ]
    return attempts


def browser_calls(port: int, attempts: list[Attempt]) -> list[Attempt]:
    """The same requests as pages of a browser send them: by fetch, by a form, after a change of a name's
    address."""
    kinds = {
        "fetch": {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
        "file": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        "same address": {"Origin": f"http://127.0.0.1:{port}", "Referer": f"http://127.0.0.1:{port}/"},
        "rebound name": {"Host": f"evil.example:{port}", "Sec-Fetch-Site": "same-origin"},
        "image": {
            "Referer": "http://evil.example/",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
        },
    }
    found: list[Attempt] = []
    for kind, headers in kinds.items():
        found += [
            (f"{name} ({kind})", method, path, {**given, **headers}, body)
            for name, method, path, given, body in attempts
        ]
    preflight = {
        **kinds["fetch"],
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-amz-date",
        "Access-Control-Request-Private-Network": "true",
    }
    paths = sorted({path for _, _, path, _, _ in attempts})
    return [*found, *((f"preflight of {path}", "OPTIONS", path, preflight, b"") for path in paths)]


def runpod_calls() -> list[Attempt]:
    """RunPod's API as the stand-in has it, and its control interface, without the key and with guesses."""
    pod, volume = b'{"name": "x", "image": "x"}', b'{"name": "x", "size": 10, "dataCenterId": "EU-RO-1"}'
    calls = [
        ("pods", "GET", "/v2/pods", b""),
        ("a pod", "POST", "/v2/pods", pod),
        ("end of a pod", "DELETE", "/v2/pods/x", b""),
        ("log of a pod", "GET", "/v2/pods/x/logs", b""),
        ("volumes", "GET", "/v2/network-volumes", b""),
        ("a volume", "POST", "/v2/network-volumes", volume),
        ("templates", "GET", "/v2/templates", b""),
        ("secrets", "GET", "/v2/secrets", b""),
        ("a secret", "POST", "/v2/secrets", b'{"name": "x", "value": "x"}'),
        ("bills", "GET", "/v2/billing/pods", b""),
        ("catalogue", "GET", "/v2/catalog/gpus", b""),
        ("faults", "GET", "/sandbox-api/faults", b""),
        ("a fault", "POST", "/sandbox-api/faults", b'{"operation": "GET /v2/pods", "status": 500}'),
        ("two slashes", "GET", "//v2/pods", b""),
        ("encoded", "GET", "/%762/pods", b""),
    ]
    guesses = ["", "Bearer ", "Bearer sandbox", "Bearer null", "Basic c2FuZGJveDpzYW5kYm94"]
    return [
        (f"{name}, {guess or 'no key'}", method, path, {"authorization": guess} if guess else {}, body)
        for name, method, path, body in calls
        for guess in guesses
    ]


# -- gRPC ----------------------------------------------------------------------------------------------------


def call_provider(port: int, method: str, message: bytes, metadata: dict[str, str]) -> str:
    """Calls a method over HTTP/2; how many bytes of messages came back, '' when none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0, b""))
            headers = {
                ":method": "POST",
                ":scheme": "http",
                ":path": SERVICE + method,
                ":authority": f"127.0.0.1:{port}",
                "te": "trailers",
                "content-type": "application/grpc",
                **metadata,
            }
            block = b"".join(_literal(name, value) for name, value in headers.items())
            body = b"\0" + len(message).to_bytes(4, "big") + message
            connection.sendall(_frame(1, 4, 1, block) + _frame(0, 1, 1, body))
            received = _messages(connection)
    except OSError:
        return ""
    return f"{received} bytes" if received else ""


def _messages(connection: socket.socket) -> int:
    """Bytes of DATA frames until the stream ends."""
    count = 0
    with connection.makefile("rb") as stream:
        while len(head := stream.read(9)) == 9:
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            number = int.from_bytes(head[5:], "big")
            stream.read(length)
            if kind == 0:
                count += max(length, 1)
            if kind in (3, 7) or (kind in (0, 1) and number == 1 and flags & 1):
                break
    return count


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _literal(name: str, value: str) -> bytes:
    """A header field without indexing and without Huffman coding."""
    return b"\0" + b"".join(_text(part.encode()) for part in (name, value))


def _text(data: bytes) -> bytes:
    if len(data) < 127:
        return bytes((len(data),)) + data
    rest, length = len(data) - 127, b"\x7f"
    while rest >= 128:
        length += bytes((rest % 128 + 128,))
        rest //= 128
    return length + bytes((rest,)) + data


def provider_attempts(port: int, messages: dict[str, str]) -> list[tuple[str, str]]:
    """Every method, with no proof and with guesses; name and outcome."""
    proofs: dict[str, dict[str, str]] = {
        "no proof": {},
        "a guess": {"authorization": "Bearer sandbox"},
        "an empty token": {"authorization": ""},
        "a user's name": {"x-aws-secret-access-key": "sandbox", "user": "root"},
    }
    return [
        (f"{method}, {name}", call_provider(port, method, bytes.fromhex(message), metadata))
        for method, message in messages.items()
        for name, metadata in proofs.items()
    ]


# -- all -----------------------------------------------------------------------------------------------------


def own_role() -> tuple[str, str, str]:
    """The credentials of this machine's role."""
    base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "latest/"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    asked = urllib.request.Request(base + "api/token", method="PUT", headers=lifetime)
    token = {"X-aws-ec2-metadata-token": opener.open(asked, timeout=TIMEOUT).read().decode()}

    def get(path: str) -> str:
        request = urllib.request.Request(base + "meta-data/iam/security-credentials/" + path, headers=token)
        return str(opener.open(request, timeout=TIMEOUT).read().decode())

    found = json.loads(get(get("").split()[0]))
    return found["AccessKeyId"], found["SecretAccessKey"], found["Token"]


def check_own(cloud: int, owned: dict[str, str]) -> None:
    """This machine's role does reach what is its own job's: else refusals would say nothing."""
    checkpoints = f"/{owned['own_bucket']}/checkpoints/line"
    own = {"x-amz-copy-source": f"{checkpoints}/00000000/manifest.json"}
    calls: list[tuple[str, str, str, str, dict[str, str], bytes]] = [
        ("own object", "s3", "GET", f"{checkpoints}/00000000/manifest.json", {}, b""),
        ("own bucket", "s3", "GET", f"/{owned['own_bucket']}", {}, b""),
        ("own checkpoint", "s3", "PUT", f"{checkpoints}/00000008/model", {}, b"saved"),
        ("own copy", "s3", "PUT", f"{checkpoints}/00000009/model", own, b""),
    ]
    for call in calls:
        assert send(cloud, signed(cloud, own_role(), call)), call[0]


def attempts_on(spec: dict[str, Any]) -> list[tuple[str, str, str]]:
    """All attempts on all ports: port, attempt, outcome."""
    cloud, owned = spec["ports"]["cloud"], spec["owned"]
    pairs: list[tuple[str, str | None]] = [("sandbox", None), ("test", None), ("AKIAIOSFODNN7EXAMPLE", None)]
    calls = [*without_keys(owned), *control_calls(owned)]
    for key, token in pairs:
        for call in aws_calls(owned):
            attempt = signed(cloud, (key, key, token), call)
            calls.append((f"{attempt[0]}, keys '{key}'", *attempt[1:]))
    if spec["with_role"]:
        for call in aws_calls(owned):
            attempt = signed(cloud, own_role(), call)
            calls.append((f"{attempt[0]}, own role", *attempt[1:]))
        check_own(cloud, owned)
    results = [("cloud", each[0], send(cloud, each)) for each in calls]
    for port in spec["metadata"]:
        results += [(f"metadata {port}", each[0], send(port, each)) for each in metadata_calls()]
    runpod = spec["ports"]["runpod"]
    results += [("runpod", each[0], send(runpod, each)) for each in runpod_calls()]
    provider = spec["ports"]["provider"]
    results += [("provider", *each) for each in provider_attempts(provider, spec["messages"])]
    return results


def main() -> None:
    with open(sys.argv[1]) as file:  # noqa: PTH123 - runs alone
        spec = json.load(file)
    print(json.dumps(attempts_on(spec)))


if __name__ == "__main__":
    main()
