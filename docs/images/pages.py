"""Pictures of the dashboard and of `top` with made-up jobs: `python docs/images/pages.py`.

Needs the extras `top` and `dashboard`, and Debian's Chromium, which is installed if it is missing. PNG
pictures are made small by `pngquant` where that is installed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tests"), str(HERE.parents[1])]

from support.chromium import Chromium, chromium  # noqa: E402
from support.jobs_at_a_glance import few_jobs, log_text, session_of  # noqa: E402
from support.served_pages import served_pages  # noqa: E402

from runctl_auto.pages.terminal.app import TopApp  # noqa: E402

JOB = "vit-base"


def main() -> None:
    jobs = few_jobs()
    with (
        served_pages(jobs, session_of(jobs, log_text())) as served,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
        chromium(Path(profile)) as browser,
    ):
        _picture(browser, served.address, "dashboard-light.png", height=560)
        _picture(browser, f"{served.address}job-{JOB}", "dashboard-job-light.png", height=1110)
        _picture(browser, f"{served.address}job-{JOB}", "dashboard-job-dark.png", height=1110, dark=True)
        _picture(browser, served.address, "dashboard-phone.png", width=390, height=760)
    asyncio.run(_top())


def _picture(
    browser: Chromium, address: str, name: str, *, width: int = 1280, height: int, dark: bool = False
) -> None:
    page = browser.open_page()
    page.show(width, height, dark=dark)
    page.open(address)
    (HERE / name).write_bytes(page.picture())
    if page.problems:
        raise SystemExit(str(page.problems))
    small = shutil.which("pngquant")
    if small is not None:
        subprocess.run([small, "--force", "--ext", ".png", "64", str(HERE / name)], check=True)


async def _top() -> None:
    app = TopApp(lambda: session_of(few_jobs(), log_text()))
    async with app.run_test(size=(80, 24)) as pilot:
        while app.looking.latest is None:
            await pilot.pause(0.05)
        await pilot.press("down", "down", "down")
        await pilot.press("m")
        await pilot.pause(0.5)
        svg = app.export_screenshot(title="runctl top")
    # The fonts that the template would fetch from the internet are left to the reader's machine.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (HERE / "top.svg").write_text(svg + "\n")


if __name__ == "__main__":
    main()
