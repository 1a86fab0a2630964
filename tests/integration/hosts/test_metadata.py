"""The metadata service as a host reaches it."""

import json

import pytest

pytestmark = pytest.mark.sandbox

ASK = r"""
python3 - > $ROOT/root/result <<'END'
import json, os, urllib.request, urllib.error
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
def ask(path, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(base + path, method=method, headers=named)
    try:
        with opener.open(request, timeout=120) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code
print(ask("latest/meta-data/instance-id"))
token = ask("latest/api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
def get(path):
    return ask("latest/" + path, X_aws_ec2_metadata_token=token)
print(get("meta-data/instance-id"))
print(get("meta-data/iam/security-credentials/"))
print(json.loads(get("meta-data/iam/security-credentials/trainer"))["AccessKeyId"])
print(get("meta-data/spot/instance-action"))
print(json.loads(get("dynamic/instance-identity/document"))["region"])
print(len(get("user-data")) > 100)
END
"""


def test_host_reads_its_metadata_with_a_token(machine):
    ran = machine(ASK, name="i-0meta")
    assert ran.result.split() == ["401", "i-0meta", "trainer", "ASIA1", "404", "us-east-1", "True"]


def test_interruption_is_told(machine, cloud, waiting):
    ran = machine(
        r"""
cat > $ROOT/root/watch.py <<'END'
import os, time, urllib.request, urllib.error
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "latest/"
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
put = urllib.request.Request(base + "api/token", method="PUT", headers=ttl)
ask = urllib.request.Request(base + "meta-data/spot/instance-action")
ask.add_header("X-aws-ec2-metadata-token", opener.open(put).read().decode())
while True:
    try:
        got = opener.open(ask)
        break
    except urllib.error.HTTPError as error:
        assert error.code == 404
        time.sleep(0.1)
with open(os.environ["HOME"] + "/notice", "wb") as notice:
    notice.write(got.read())
END
python3 $ROOT/root/watch.py > /dev/null 2>&1 & disown
""",
        name="i-0spot",
    )
    told = {"action": "terminate", "time": "2026-11-22T15:00:00Z"}
    cloud.change("i-0spot", interruption=told)
    notice = ran.root / "root/notice"
    waiting(lambda: notice.exists() and notice.read_text())
    assert json.loads(notice.read_text()) == told
