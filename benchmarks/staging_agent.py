"""What the agent does on a machine, as a process of its own: brings data, or saves a checkpoint.

``python staging_agent.py stage|save FOLDER BUCKET [PREFIX]``, the prefix of the data
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runctl_auto.agent.data.data_sources import DataSources
from runctl_auto.agent.saving.checkpoints import Checkpoints
from runctl_auto.agent.spec import DataSpec
from runctl_auto.agent.store.kept_web import KeptWeb
from runctl_auto.agent.store.s3 import S3
from runctl_auto.agent.store.s3_request import Bucket, S3Requests
from runctl_auto.agent.store.s3_store import S3Store
from runctl_auto.agent.store.sigv4 import Credentials


def main(way: str, folder: Path, bucket: str, prefix: str = "") -> None:
    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    place = Bucket(bucket, os.environ["AWS_REGION"], "", os.environ["AWS_ENDPOINT_URL"])
    s3 = S3(S3Requests(KeptWeb(), place, lambda: keys))
    scratch = folder.with_name("scratch")
    if way == "stage":
        sources = DataSources(
            lambda _name, _region: s3,
            scratch,
            say=lambda _: None,
            progress=lambda _: None,
            check=lambda: None,
        )
        sources.stage([DataSpec(bucket, prefix, ".")], folder)
    else:
        Checkpoints(S3Store(s3), "line", folder=folder, scratch=scratch, keep=1, say=print).save()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
