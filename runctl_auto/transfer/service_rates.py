"""Rates of S3, EBS and of what reads them, by which strategies are compared.

Some are cited from the services' documentation, since nothing here can measure them; the CPU times of our own
programs are estimates that lie above what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

MB = 1_000_000
KIB, MIB = 1024, 1024**2


@dataclass(frozen=True)
class Constant:
    """A rate and where it is from: a page of the documentation, or a benchmark."""

    name: str
    value: float
    unit: str
    source: str


_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
_S3_PATTERNS = (
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html"
)
_GP3 = "https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html"
_IO = "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-io-characteristics.html"
_INITIALIZE = "https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html"
_STORE = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html"

_MEASURED = (
    "estimated with decoding and torch; of objects of 64 KiB without them, on a busy machine, measured"
)

FIRST_BYTE = Constant("first byte of an S3 object", 0.1, "s", _S3_PATTERNS)
CONNECTION = Constant("one connection to S3", 85 * MB, "bytes/s", _S3_PATTERNS)
REQUESTS = Constant("GET requests for one prefix", 5_500, "1/s", _S3)
LIST_REQUEST = Constant("one LIST request, up to 1,000 keys", 0.1, "s", _S3_PATTERNS)
GP3_THROUGHPUT = Constant("gp3 volume as it is made", 125 * MIB, "bytes/s", _GP3)
GP3_IOPS = Constant("gp3 volume as it is made", 3_000, "I/O/s", _GP3)
LARGEST_IO = Constant("one I/O of an SSD volume", 256 * KIB, "bytes", _IO)
INITIALIZATION = Constant("initialisation of a volume, the highest rate", 300 * MIB, "bytes/s", _INITIALIZE)
STORE_THROUGHPUT = Constant("one disk of the instance store, assumed", 500 * MB, "bytes/s", _STORE)
STORE_IOPS = Constant("one disk of the instance store, assumed", 50_000, "I/O/s", _STORE)

LOADER_CPU = Constant("CPU time of the loader for an object", 0.0009, "s", f"{_MEASURED} 0.00055 s")
FILE_CPU = Constant("CPU time of the loader for a file", 0.0002, "s", f"{_MEASURED} 0.00012 s")
STAGING_CPU = Constant("CPU time of the agent for an object", 0.002, "s", f"{_MEASURED} 0.0012 s")

ALL = tuple(each for each in globals().copy().values() if isinstance(each, Constant))

LOADER_IN_FLIGHT = 32
"""Requests at once of each worker of the generated loader."""
FILES_AT_ONCE = 8
"""Files that each of them reads at once."""
MOST_WORKERS = 8
STAGING_CONNECTIONS = 16
MEMORY_FOR_FILES = 0.6
"""The share of a machine's memory in which the kernel keeps files that were read or written."""
BATCH = 64
"""Samples whose arrival counts as the first batch."""


def workers_of(cpus: int) -> int:
    """How many workers the loader has on a machine: the training keeps a CPU where there are several."""
    return max(1, min(cpus - 1, MOST_WORKERS))
