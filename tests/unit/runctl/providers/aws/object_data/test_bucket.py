"""What is asked of S3, how it is signed, and what its answers mean."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import pytest

from runctl_auto.agent.store.sigv4 import Credentials, signed_headers
from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    CredentialsError,
    DamagedDataError,
    NotFoundError,
    ObjectChangedError,
    RetriesExhaustedError,
    UnreachableError,
)
from runctl_auto.local.crc64 import encoded_crc64
from runctl_auto.providers.aws.object_data.answers import whole_sum
from runctl_auto.providers.aws.object_data.bucket import BucketData
from runctl_auto.providers.aws.object_data.connection import (
    ANSWER_SECONDS,
    Answer,
    ConnectionBroken,
    Flow,
    Host,
    Into,
    Pieces,
)
from runctl_auto.providers.aws.object_data.requests import BucketAt, Requests
from runctl_auto.providers.objects import CopySource, UploadedPart, WholeSum

NOW = 1_800_000_000.0
KEYS = Credentials("AKID", "secret", "token")
Reply = Answer | Exception


class ScriptedWire:
    """Answers from a list; keeps the requests."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.heads: list[str] = []
        self.silences: list[float] = []
        self.bodies: list[bytes] = []
        self.hosts: list[str] = []

    def open(self, host: Host) -> ScriptedWire:
        self.hosts.append(host.name)
        return self

    def exchange(
        self,
        head: bytes,
        pieces: Pieces,
        size: int,
        into: Into | None,
        *,
        once: bool = False,
        silence: float = ANSWER_SECONDS,
    ) -> Answer:
        self.silences.append(silence)
        self.heads.append(head.decode())
        self.bodies.append(b"".join(bytes(each) for each in pieces()))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if into is not None and 200 <= reply.status < 300:
            if isinstance(into, Flow):
                into.take(0, memoryview(reply.body))
            else:
                into[: len(reply.body)] = reply.body
            return Answer(reply.status, reply.headers, count=len(reply.body))
        return reply

    def close(self) -> None:
        pass


class Body:
    size = 3

    def pieces(self) -> tuple[bytes]:
        return (b"abc",)


def located(region: str) -> BucketAt:
    return BucketAt(name="b", region=region, host=Host(f"b.s3.{region}.example", 443, True), owner="1234")


def data(*replies: Reply, waits: list[float] | None = None) -> tuple[BucketData, ScriptedWire]:
    wire = ScriptedWire(list(replies))
    requests = Requests(
        located("us-east-1"),
        lambda: KEYS,
        wire.open,
        locate=located,
        clock=lambda: NOW,
        sleep=(waits if waits is not None else []).append,
    )
    return BucketData(requests, encoded_crc64), wire


def error(status: int, code: str, headers: dict[str, str] | None = None, more: str = "") -> Answer:
    text = f"<Error><Code>{code}</Code><Message>because &amp; so</Message>{more}</Error>"
    return Answer(status, headers or {}, text.encode())


def fields(head: str) -> dict[str, str]:
    lines = head.split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines if line)


def test_a_request_is_signed_as_the_agent_signs() -> None:
    bucket, wire = data(Answer(200, {"etag": '"e"', "content-length": "3"}))
    bucket.facts("a key+ü")
    head = wire.heads[0]
    sent = fields(head)
    own = {"authorization", "host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"}
    expected = signed_headers(
        "HEAD",
        "https://b.s3.us-east-1.example/a%20key%2B%C3%BC",
        {name: value for name, value in sent.items() if name not in own},
        payload_sha256="UNSIGNED-PAYLOAD",
        credentials=KEYS,
        region="us-east-1",
        now=datetime.fromtimestamp(NOW, timezone.utc),
    )
    assert sent["authorization"] == expected["authorization"]
    assert head.startswith("HEAD /a%20key%2B%C3%BC HTTP/1.1\r\n")
    assert sent["x-amz-expected-bucket-owner"] == "1234"
    assert "secret" not in head


def test_a_write_carries_its_checksum_and_metadata() -> None:
    bucket, wire = data(Answer(200, {"etag": '"e"'}))
    bucket.write("k", Body(), crc64="AAAAAAAAAAA=", metadata={"mode": "33188", "x": "ü"}, encoding="zstd")
    sent = fields(wire.heads[0])
    assert sent["x-amz-checksum-crc64nvme"] == "AAAAAAAAAAA="
    assert (sent["x-amz-meta-mode"], sent["x-amz-meta-x"]) == ("33188", "%C3%BC")
    assert (sent["content-encoding"], sent["content-length"], wire.bodies[0]) == ("zstd", "3", b"abc")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-amz-checksum-crc64nvme": "abc="}, ("crc64nvme", "abc=")),
        ({"x-amz-checksum-crc64nvme": "abc=", "x-amz-checksum-type": "FULL_OBJECT"}, ("crc64nvme", "abc=")),
        ({"x-amz-checksum-sha256": "abc="}, ("sha256", "abc=")),
        ({"x-amz-checksum-sha256": "abc=-29"}, None),
        ({"x-amz-checksum-crc32": "abc=", "x-amz-checksum-type": "COMPOSITE"}, None),
        ({"etag": '"d41d8cd98f00b204e9800998ecf8427e"'}, None),
        ({}, None),
    ],
)
def test_only_a_checksum_of_the_whole_object_is_one(
    headers: dict[str, str], expected: tuple[str, str] | None
) -> None:
    found = whole_sum(headers)
    assert (None if found is None else (found.algorithm, found.value)) == expected


def test_a_range_belongs_to_one_version_of_the_object() -> None:
    bucket, wire = data(
        Answer(206, {"content-range": "bytes 4-6/90", "content-length": "3", "etag": '"e"'}, b"abc"),
        error(412, "PreconditionFailed"),
    )
    buffer = memoryview(bytearray(3))
    count, facts = bucket.read("k", buffer, first=4, etag='"e"')
    assert (count, bytes(buffer), facts.size) == (3, b"abc", 90)
    sent = fields(wire.heads[0])
    assert (sent["range"], sent["if-match"], sent["x-amz-checksum-mode"]) == ("bytes=4-6", '"e"', "ENABLED")
    with pytest.raises(ObjectChangedError):
        bucket.read("k", buffer, first=4, etag='"e"')


def test_lists_follow_pages_decode_keys_and_tell_the_clock() -> None:
    def page(key: str, token: str | None) -> Answer:
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        text = (
            '<ListBucketResult xmlns="http://s3"><EncodingType>url</EncodingType>'
            f"<Contents><Key>{key}</Key><Size>5</Size><ETag>&quot;e&quot;</ETag>"
            f"<LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>{more if token else ''}"
            "</ListBucketResult>"
        )
        return Answer(200, {"date": "Fri, 15 Jan 2027 08:00:10 GMT"}, text.encode())

    bucket, wire = data(page("a%2Fb+c%0A", "t/1+"), page("d", None))
    found = list(bucket.listed("a/"))
    assert [each.key for each in found] == ["a/b c\n", "d"]
    assert (found[0].size, found[0].etag) == (5, '"e"')
    assert found[0].modified_ns == 1_767_323_045 * 10**9
    assert "continuation-token=t%2F1%2B" in wire.heads[1]
    assert bucket.clock_offset_ns == 10 * 10**9


def test_a_list_that_repeats_itself_ends() -> None:
    text = "<L><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></L>"
    bucket, _ = data(*[Answer(200, {}, text.encode())] * 3)
    with pytest.raises(CloudError, match="again and again"):
        list(bucket.listed(""))


def test_an_upload_in_parts() -> None:
    begun = "<R><UploadId>u1</UploadId></R>"
    done = "<R><ETag>&quot;whole-1&quot;</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></R>"
    listed = (
        "<R><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber><Size>3</Size><ETag>p</ETag>"
        "<ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part></R>"
    )
    bucket, wire = data(
        Answer(200, {}, begun.encode()),
        Answer(200, {"etag": '"p1"'}),
        Answer(200, {}, listed.encode()),
        Answer(200, {}, b"  \n" + done.encode()),  # blanks while S3 is at work
        error(404, "NoSuchUpload"),
        error(404, "NoSuchUpload"),
    )
    upload = bucket.begin("k", metadata={})
    assert fields(wire.heads[0])["x-amz-checksum-type"] == "FULL_OBJECT"
    assert bucket.write_part("k", upload, 1, Body(), crc64="AAAAAAAAAAA=") == '"p1"'
    parts = bucket.parts("k", upload)
    assert parts == [UploadedPart(number=1, size=3, etag="p", crc64="AAAAAAAAAAA=")]
    made = bucket.complete("k", upload, parts, crc64="AAAAAAAAAAA=")
    assert made.whole_sum is not None
    sent = fields(wire.heads[3])
    assert (sent["x-amz-checksum-crc64nvme"], sent["x-amz-mp-object-size"]) == ("AAAAAAAAAAA=", "3")
    assert b"<PartNumber>1</PartNumber><ETag>p</ETag>" in wire.bodies[3]
    assert wire.silences[3] > 10 * ANSWER_SECONDS == 10 * wire.silences[2]
    assert bucket.parts("k", upload) is None
    bucket.abort("k", upload)


def test_a_completion_that_failed_behind_a_200_is_an_error() -> None:
    bucket, _ = data(error(200, "InternalError"))
    with pytest.raises(CloudError, match="because & so"):
        bucket.complete("k", "u", [], crc64="x")


SOURCE = CopySource(bucket="b", key="a b/é", etag='"e"')


def test_a_copy_names_the_version_of_its_source_and_has_its_checksum() -> None:
    whole = "<R><ETag>n</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></R>"
    part = "<R><ETag>p</ETag><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></R>"
    bucket, wire = data(Answer(200, {}, b" \n" + whole.encode()), Answer(200, {}, part.encode()))
    made = bucket.copy("k", SOURCE, "crc32")
    assert made.whole_sum == WholeSum(algorithm="crc32", value="AAAAAA==")
    sent = fields(wire.heads[0])
    assert sent["x-amz-copy-source"] == "b/a%20b/%C3%A9"
    assert (sent["x-amz-copy-source-if-match"], sent["x-amz-checksum-algorithm"]) == ('"e"', "CRC32")
    assert wire.silences[0] > 10 * ANSWER_SECONDS
    copied = bucket.copy_part("k", "u", 2, SOURCE, first=5, size=10)
    assert copied == UploadedPart(number=2, size=10, etag="p", crc64="AAAAAAAAAAA=")
    assert fields(wire.heads[1])["x-amz-copy-source-range"] == "bytes=5-14"
    assert "partNumber=2&uploadId=u" in wire.heads[1]


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ("<ChecksumCRC64NVME>AA-3</ChecksumCRC64NVME>", None),
        ("<ChecksumType>COMPOSITE</ChecksumType><ChecksumSHA256>AA</ChecksumSHA256>", None),
        ("<ChecksumSHA256>AA</ChecksumSHA256>", WholeSum(algorithm="sha256", value="AA")),
    ],
)
def test_a_checksum_of_parts_is_none_of_the_copy(kept: str, expected: WholeSum | None) -> None:
    bucket, _ = data(Answer(200, {}, f"<R><ETag>n</ETag>{kept}</R>".encode()))
    assert bucket.copy("k", SOURCE, "crc64nvme").whole_sum == expected


def test_a_copy_that_failed_behind_a_200_is_an_error_and_a_changed_source_is_told() -> None:
    bucket, _ = data(error(200, "InternalError"), error(412, "PreconditionFailed"))
    with pytest.raises(CloudError, match="because & so"):
        bucket.copy("k", SOURCE, "crc64nvme")
    with pytest.raises(ObjectChangedError, match="s3://b/a b/é"):
        bucket.copy("k", SOURCE, "crc64nvme")


def test_header_fields_of_an_object_go_with_an_upload_in_parts() -> None:
    headers = {"content-type": "image/png", "content-encoding": "zstd", "x-amz-meta-a": "1", "etag": "e"}
    bucket, wire = data(
        Answer(200, {**headers, "content-length": "3"}), Answer(200, {}, b"<R><UploadId>u</UploadId></R>")
    )
    facts = bucket.facts("k")
    assert facts is not None
    bucket.begin("n", metadata=facts.metadata, described=facts.described)
    sent = fields(wire.heads[1])
    assert (sent["content-type"], sent["content-encoding"]) == ("image/png", "zstd")
    assert sent["x-amz-meta-a"] == "1"


def test_the_end_of_an_upload_names_no_checksum_that_nobody_knows() -> None:
    bucket, wire = data(Answer(200, {}, b"<R><ETag>e</ETag></R>"))
    bucket.complete("k", "u", [], crc64=None)
    assert "x-amz-checksum-crc64nvme" not in fields(wire.heads[0])


def test_unfinished_uploads_and_deletions() -> None:
    begun = "<Initiated>2026-01-02T03:04:05Z</Initiated>"
    uploads = f"<R><Upload><Key>k</Key><UploadId>u</UploadId>{begun}</Upload></R>"
    refused = "<R><Error><Key>b&amp;</Key><Code>AccessDenied</Code><Message>no</Message></Error></R>"
    bucket, wire = data(Answer(200, {}, uploads.encode()), Answer(200, {}, refused.encode()))
    assert [(each.key, each.upload) for each in bucket.unfinished("k")] == [("k", "u")]
    assert bucket.delete(["a", "b&"]) == {"b&": "no"}
    assert b"<Key>b&amp;</Key>" in wire.bodies[1]
    assert fields(wire.heads[1])["x-amz-checksum-crc64nvme"] == encoded_crc64(wire.bodies[1])


@pytest.mark.parametrize(
    ("reply", "kind", "requests"),
    [
        (error(403, "AccessDenied"), AccessDeniedError, 1),
        (error(403, "InvalidAccessKeyId"), CredentialsError, 1),
        (error(404, "NoSuchKey"), NotFoundError, 1),
        (error(400, "BadDigest"), DamagedDataError, 3),
        (error(503, "SlowDown"), CloudError, 7),
        (error(500, "InternalError"), RetriesExhaustedError, 7),
        (ConnectionBroken("reset"), UnreachableError, 7),
        (Answer(502, {}, b"<html>bad gateway</html>"), RetriesExhaustedError, 7),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_refusals_have_types_and_only_passing_ones_are_repeated(
    reply: Reply, kind: type[CloudError], requests: int
) -> None:
    waits: list[float] = []
    bucket, wire = data(*[reply] * 7, waits=waits)
    with pytest.raises(kind) as caught:
        bucket.write("k", Body(), crc64="x", metadata={})
    assert len(wire.heads) == requests
    assert len(waits) == (requests - 1 if requests > 3 else 0)
    assert caught.value.next_step or kind is NotFoundError


def test_a_passing_error_is_survived() -> None:
    bucket, wire = data(error(503, "SlowDown"), ConnectionBroken("reset"), Answer(200, {"etag": "e"}))
    assert bucket.write("k", Body(), crc64="x", metadata={}).etag == "e"
    assert wire.bodies == [b"abc"] * 3
    assert bucket.sent_bytes == 9


def test_begin_is_sent_once() -> None:
    bucket, wire = data(ConnectionBroken("reset"))
    with pytest.raises(UnreachableError):
        bucket.begin("k", metadata={})
    assert len(wire.heads) == 1


@pytest.mark.parametrize(
    "reply",
    [
        Answer(301, {"x-amz-bucket-region": "eu-west-1"}),
        error(400, "AuthorizationHeaderMalformed", more="<Region>eu-west-1</Region>"),
    ],
)
def test_a_bucket_of_another_region_is_followed_there(reply: Answer) -> None:
    bucket, wire = data(reply, Answer(200, {"etag": "e", "content-length": "1"}))
    assert bucket.facts("k") is not None
    assert wire.hosts == ["b.s3.us-east-1.example", "b.s3.eu-west-1.example"]
    assert "/eu-west-1/s3/aws4_request" in wire.heads[1]


def test_a_wrong_clock_is_set_by_that_of_the_server() -> None:
    skewed = error(403, "RequestTimeTooSkewed", {"date": "Fri, 15 Jan 2027 09:30:00 GMT"})
    bucket, wire = data(skewed, Answer(200, {"content-length": "1"}), skewed, skewed)
    assert bucket.facts("k") is not None
    stamps = [fields(head)["x-amz-date"] for head in wire.heads]
    assert stamps == ["20270115T080000Z", "20270115T093000Z"]
    with pytest.raises(CloudError):
        bucket.facts("k")


def test_what_is_no_xml_is_told() -> None:
    bucket, _ = data(Answer(200, {}, b"<html><br></html>"))
    with pytest.raises(CloudError, match="no XML"):
        list(bucket.listed(""))


def test_path_style_addresses_begin_with_the_bucket() -> None:
    wire = ScriptedWire([Answer(200, {}, b"<L/>"), Answer(404, {})])
    where = BucketAt(name="b", region="r", host=Host("s3", 80, False), path="/b", endpoint="http://s3")
    bucket = BucketData(Requests(where, lambda: KEYS, wire.open, clock=lambda: NOW), encoded_crc64)
    list(bucket.listed("p"))
    assert bucket.facts("k") is None
    assert re.match(r"GET /b\?encoding-type=url&list-type=2&prefix=p HTTP", wire.heads[0])
    assert wire.heads[1].startswith("HEAD /b/k HTTP")
    assert bucket.place == "s3://b at http://s3"
