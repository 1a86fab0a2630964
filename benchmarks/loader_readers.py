"""Reads all objects below a prefix once, as one of several loaders, and prints how fast: run by ``loader``.

Needs torch, obstore, s3torchconnector and boto3; of runctl, the loader that was written for the data alone.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

BATCH, IN_FLIGHT = 64, 32


def own(_: str, workers: int) -> Any:
    """The loader that runctl writes."""
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    import loader  # type: ignore[import-not-found]

    return loader.Loader(batch_size=BATCH, workers=workers, decode=size_of, collate=list)


def size_of(name: str, content: bytes) -> int:
    del name
    return len(content)


class Naive:
    """As many people write it: an object at a time with boto3."""

    def __init__(self, source: str) -> None:
        import boto3

        self.bucket, _, prefix = source.removeprefix("s3://").partition("/")
        pages = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).get_paginator(
            "list_objects_v2"
        )
        self.keys = [
            each["Key"]
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
            for each in page["Contents"]
        ]
        self.client: Any = None

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> int:
        if self.client is None:
            import boto3

            self.client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        return len(self.client.get_object(Bucket=self.bucket, Key=self.keys[number])["Body"].read())


def naive(source: str, workers: int) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(Naive(source), batch_size=BATCH, num_workers=workers, shuffle=True, collate_fn=list)


def connector_options(source: str) -> dict[str, Any]:
    from s3torchconnector import S3ClientConfig  # type: ignore[import-not-found]

    return {
        "s3_uri": source,
        "region": os.environ["AWS_REGION"],
        "endpoint": os.environ["AWS_ENDPOINT_URL"],
        "transform": read_whole,
        "s3client_config": S3ClientConfig(force_path_style=True),
    }


def read_whole(reader: Any) -> int:
    return len(reader.read())


def connector_map(source: str, workers: int) -> Any:
    from s3torchconnector import S3MapDataset
    from torch.utils.data import DataLoader

    options = connector_options(source)
    data = S3MapDataset.from_prefix(options.pop("s3_uri"), **options)
    len(data)  # lists, which is no part of the time of any loader
    return DataLoader(data, batch_size=BATCH, num_workers=workers, shuffle=True, collate_fn=list)


def connector_iterable(source: str, workers: int) -> Any:
    from s3torchconnector import S3IterableDataset
    from torch.utils.data import DataLoader

    options = connector_options(source)
    data = S3IterableDataset.from_prefix(options.pop("s3_uri"), enable_sharding=True, **options)
    return DataLoader(data, batch_size=BATCH, num_workers=workers, collate_fn=list)


READERS = {
    "runctl": own,
    "boto3": naive,
    "s3torchconnector map": connector_map,
    "s3torchconnector iterable": connector_iterable,
}


def main() -> None:
    """NAME SOURCE WORKERS REPORT: writes the samples, the seconds, and those until the first batch."""
    name, source, workers, report = sys.argv[1:]
    import torch  # noqa: F401 - its import is no part of the time

    began = time.perf_counter()
    batches = READERS[name](source, int(workers))
    listed = time.perf_counter()
    first, samples, size = 0.0, 0, 0
    for batch in batches:
        first = first or time.perf_counter() - began
        samples += len(batch)
        size += sum(batch)
    seconds = time.perf_counter() - listed
    found = {"samples": samples, "bytes": size, "seconds": seconds, "first_batch": first}
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
