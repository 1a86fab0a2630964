from __future__ import annotations

from collections.abc import Iterator

import pytest

from runctl_auto.operations.data_loader import form_of
from runctl_auto.providers.objects import ListedObject
from runctl_auto.transfer.data_listing import DataListing, list_data


class Bucket:
    """A bucket with these keys, each of ten bytes; counts what is taken from its list."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys
        self.taken = 0
        self.prefixes: list[str] = []

    def __call__(self, name: str) -> Bucket:
        assert name == "sets"
        return self

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        self.prefixes.append(prefix)
        for key in self.keys:
            self.taken += 1
            yield ListedObject(key=key, size=10, etag="", modified_ns=0)


def listing(bucket: Bucket, source: str = "s3://sets/a/", most: int | None = None) -> DataListing:
    return list_data(bucket, source, most)  # type: ignore[arg-type]


def test_objects_are_counted_and_folders_are_not() -> None:
    bucket = Bucket("a/", "a/1.JPG", "a/b/2.jpg", "a/README")
    found = listing(bucket)
    assert (found.size, found.files, found.is_complete) == (30, 3, True)
    assert found.suffixes == {".jpg": 2, "": 1}
    assert bucket.prefixes == ["a/"]


def test_a_large_source_is_looked_at_in_part() -> None:
    bucket = Bucket(*(f"a/{number}" for number in range(100)))
    found = listing(bucket, most=5)
    assert (found.files, found.is_complete) == (5, False)
    assert bucket.taken == 6
    assert listing(Bucket("a/1"), most=1).is_complete


@pytest.mark.parametrize(
    ("keys", "form"),
    [
        (["a/1.jpg", "a/2.jpg"], "files"),
        (["a/0.tar", "a/1.tar", "a/README"], "tar"),
        (["a/1.jpg", "a/2.jpg", "a/old.tar"], "files"),
        (["a/chunk-0-0.bin", "a/index.json"], "chunks"),
        (["a/index.json", "a/other.bin"], "files"),
        ([], "files"),
    ],
)
def test_the_names_tell_the_form_of_the_samples(keys: list[str], form: str) -> None:
    assert form_of(listing(Bucket(*keys))) == form
