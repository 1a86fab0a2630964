"""Values of files, and batches of samples."""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import Any


def value_of(name: str, content: bytes) -> Any:
    """The content of a file by the end of its name; bytes where that says nothing."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in (".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp"):
        import numpy
        from PIL import Image

        return numpy.array(Image.open(io.BytesIO(content)))
    if suffix == ".npy":
        import numpy

        return numpy.load(io.BytesIO(content), allow_pickle=False)
    if suffix == ".json":
        return json.loads(content)
    if suffix in (".txt", ".csv", ".cls"):
        return content.decode()
    return content


def collate(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch: arrays of one shape are stacked, everything else is a list."""
    return {key: _joined([each[key] for each in samples]) for key in (samples[0] if samples else ())}


def _joined(values: list[Any]) -> Any:
    shapes = {getattr(each, "shape", None) for each in values}
    if len(shapes) != 1 or None in shapes:
        return values
    import numpy

    stacked = numpy.stack(values)
    try:
        import torch
    except ImportError:
        return stacked
    return torch.from_numpy(stacked)
