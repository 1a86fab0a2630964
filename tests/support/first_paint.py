"""How long a page takes until it is seen in Chromium: ``python -m support.first_paint ADDRESS ROUNDS``.

Prints JSON: milliseconds until the first paint with content in each round, and the bytes of the page.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from support.chromium import chromium

_PAINT = """\
new Promise(done => new PerformanceObserver((list, self) => {
  const found = list.getEntriesByName("first-contentful-paint")[0];
  if (found) { self.disconnect(); done(found.startTime); }
}).observe({type: "paint", buffered: true}))"""
_BYTES = 'performance.getEntriesByType("navigation")[0].decodedBodySize'


def main(address: str, rounds: str) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, chromium(Path(folder)) as browser:
        page = browser.open_page()
        page.show(1280)
        paints = []
        for _ in range(int(rounds)):
            page.open(address)
            paints.append(page.evaluate(_PAINT))
        print(json.dumps({"paints": paints, "bytes": page.evaluate(_BYTES)}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
