# /// script
# dependencies = ["scikit-learn>=1.5", "boto3"]
# ///
"""Writes scikit-learn's handwritten digits as 1,797 image files, one folder for each digit.

With --bucket it uploads them, to a bucket that it makes if there is none; in the sandbox, after
`eval "$(runctl --sandbox env)"`. `uv run prepare.py images` installs what it needs.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sklearn.datasets import load_digits


def write(folder):
    """An image is a PGM file: a header, then a byte for each pixel."""
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / str(label) / f"{number:04}.pgm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"P5 8 8 16\n" + image.astype("uint8").tobytes())
    return len(digits.images)


def upload(folder, bucket, prefix):
    import boto3

    s3 = boto3.client("s3", region_name="us-east-1")
    if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)

    def put(path):
        s3.put_object(
            Bucket=bucket, Key=f"{prefix}/{path.relative_to(folder).as_posix()}", Body=path.read_bytes()
        )

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(put, folder.rglob("*.pgm")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bucket", help="upload to BUCKET/digits as well")
    wanted = parser.parse_args()
    print(f"{write(wanted.folder)} images in {wanted.folder}")
    if wanted.bucket:
        upload(wanted.folder, wanted.bucket, "digits")
        print(f"uploaded to s3://{wanted.bucket}/digits")


if __name__ == "__main__":
    main()
