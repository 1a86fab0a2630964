"""Drives Debian's Chromium by its own protocol over two pipes: no port, no driver program."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 120.0
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--remote-debugging-pipe",
)

_BEGIN = """\
import os, sys
source, target = (os.dup(int(each)) for each in sys.argv[1:3])
source, target = os.dup(source), os.dup(target)
os.dup2(source, 3)
os.dup2(target, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def chromium_program() -> str:
    """Debian's Chromium, installed when it is missing. Raises when it cannot be had."""
    found = shutil.which("chromium")
    if found is None:
        subprocess.run(["apt-get", "update", "-q"], check=True, timeout=600)
        subprocess.run(["apt-get", "install", "-y", "-q", "chromium"], check=True, timeout=1200)
        found = shutil.which("chromium")
    assert found is not None, "Debian's package chromium has no program of this name"
    return found


class Page:
    """One page. ``problems`` are errors on its console, exceptions, and requests that failed or that the
    content-security policy refused.
    """

    def __init__(self, send: Callable[..., dict[str, Any]], session: str) -> None:
        self._send = send
        self.session = session
        self.problems: list[str] = []
        self.loaded = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A call of the protocol; its result. Raises ``AssertionError`` for an error."""
        return self._send(method, parameters, self.session)

    def take(self, event: str, told: dict[str, Any]) -> None:
        """An event of the protocol."""
        if event == "Page.loadEventFired":
            self.loaded += 1
        elif event == "Runtime.exceptionThrown":
            self.problems.append(str(told["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.problems.append(str(told["args"]))
        elif event == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.problems.append(told["entry"]["text"])
        elif event == "Network.loadingFailed" and not told.get("canceled"):
            self.problems.append(told["errorText"])

    def show(self, width: int, height: int = 900, *, dark: bool = False) -> None:
        """The size of the window in pixels, and the scheme of colours."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, address: str) -> None:
        """Goes there, and waits until it is loaded."""
        before = self.loaded
        answer = self.call("Page.navigate", url=address)
        assert "errorText" not in answer, answer
        self.wait_until(lambda: self.loaded > before)

    def wait_until(self, holds: Callable[[], object]) -> None:
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < PATIENCE_SECONDS, "it did not come about"
            self.evaluate("new Promise(done => requestAnimationFrame(() => done(0)))")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """``Tab``, ``Enter`` or `` ``."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key)
        more: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": codes[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **more, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **more)

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of the window, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])


class Chromium:
    """A running browser. ``open_page`` makes a page."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._out = to_browser
        self._in = os.fdopen(from_browser, "rb", buffering=0)
        self._rest = b""
        self._number = 0
        self._pages: dict[str, Page] = {}

    def open_page(self) -> Page:
        context = self._send("Target.createBrowserContext", {})["browserContextId"]
        target = self._send("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = self._send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": True})
        page = Page(self._send, attached["sessionId"])
        self._pages[page.session] = page
        return page

    def close(self) -> None:
        """Ends the browser, with all its processes."""
        self._send("Browser.close", {})

    def _send(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                result: dict[str, Any] = told["result"]
                return result
            page = self._pages.get(told.get("sessionId", ""))
            if page is not None and "method" in told:
                page.take(told["method"], told["params"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._in.read(1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(text)
        return told


@contextmanager
def chromium(folder: Path, *options: str) -> Iterator[Chromium]:
    """A browser of its own, with its profile in ``folder``; ended afterwards."""
    to_read, to_browser = os.pipe()
    from_browser, to_write = os.pipe()

    command = [chromium_program(), *_OPTIONS, f"--user-data-dir={folder}", *options, "about:blank"]
    # The browser reads commands at 3 and writes answers at 4.
    begin = [sys.executable, "-c", _BEGIN, str(to_read), str(to_write), *command]
    with subprocess.Popen(
        begin, pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as browser:
        os.close(to_read)
        os.close(to_write)
        try:
            found = Chromium(to_browser, from_browser)
            yield found
            found.close()
        finally:
            os.close(to_browser)  # it ends when nobody can tell it anything any more
            try:
                browser.wait(30)
            except subprocess.TimeoutExpired:
                browser.kill()
