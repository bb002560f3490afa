"""A headless Chromium behind the few DevTools commands that the browser tests need."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from websocket import WebSocket, WebSocketTimeoutException, create_connection

BINARIES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
START_SECONDS = 60
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)


def find_binary() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next((found for name in BINARIES if (found := shutil.which(name))), None)


class Browser:
    """One Chromium process with an empty profile, and one page at a time."""

    def __init__(self, binary: str, profile: Path) -> None:
        self._log = (profile / "chromium.log").open("w")
        self._process = subprocess.Popen(
            [binary, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=self._log,
            stderr=self._log,
        )
        self._socket = self._connect(profile / "DevToolsActivePort")
        self._count = 0
        self._session: str | None = None
        self._target: str | None = None
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the process that was started here."""
        with closing(self._log), closing(self._socket):
            try:
                self._send("Browser.close", {})
            except OSError:
                self._process.terminate()
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def open(self, url: str, *, width: int, height: int = 900, scripts: bool = True) -> None:
        """Load a page in a fresh tab of the given size; what it logs lands in ``events``."""
        if self._target is not None:
            self._send("Target.closeTarget", {"targetId": self._target})
        self._session, self.events = None, []
        self._target = self._send("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = {"targetId": self._target, "flatten": True}
        self._session = self._send("Target.attachToTarget", attached)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self._send(f"{domain}.enable", {})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._send("Emulation.setDeviceMetricsOverride", size)
        self._send("Emulation.setScriptExecutionDisabled", {"value": not scripts})
        self._send("Page.navigate", {"url": url})
        self.wait_for_event("Page.loadEventFired")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; the page's own policy does not apply."""
        arguments = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        result = self._send("Runtime.evaluate", arguments)
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def wait_until(self, expression: str, *, seconds: float = 60) -> Any:
        """Return the first truthy value of an expression."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.2)
        raise AssertionError(f"never true within {seconds} s: {expression}")

    def wait_for_event(self, method: str, *, seconds: float = 60) -> None:
        """Wait until the page has reported an event."""
        self._receive(lambda message: message.get("method") == method, seconds=seconds)

    def press(self, key: str, *, code: int, modifiers: int = 0) -> None:
        """Press and release a key; modifiers: 1 Alt, 2 Control, 8 Shift."""
        arguments = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        text = {"text": "\r"} if key == "Enter" else {}
        self._send("Input.dispatchKeyEvent", {"type": "keyDown", **arguments, **text})
        self._send("Input.dispatchKeyEvent", {"type": "keyUp", **arguments})

    def emulate_media(self, media: str) -> None:
        """Show the page as on ``print`` or ``screen``."""
        self._send("Emulation.setEmulatedMedia", {"media": media})

    def screenshot(self, path: Path) -> None:
        """Save the whole page, not only its visible part, as a PNG file."""
        arguments = {"format": "png", "captureBeyondViewport": True}
        size = self._send("Page.getLayoutMetrics", {})["cssContentSize"]
        arguments["clip"] = {**size, "scale": 1}
        data = self._send("Page.captureScreenshot", arguments)["data"]
        path.write_bytes(base64.b64decode(data))

    def complaints(self) -> list[str]:
        """Return what the page logged: errors, warnings, refused or failed requests, exceptions."""
        self.evaluate("new Promise(done => setTimeout(done, 200))")
        found = []
        for event in self.events:
            method, detail = event["method"], event["params"]
            if method == "Log.entryAdded" and detail["entry"]["level"] in ("warning", "error"):
                found.append(detail["entry"]["text"])
            elif method == "Runtime.exceptionThrown":
                found.append(str(detail["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and detail["type"] in ("warning", "error"):
                found.append(str(detail["args"]))
            elif method == "Audits.issueAdded":
                found.append(str(detail["issue"]))
        return found

    def requests(self) -> list[str]:
        """Return the address of everything that the page asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def _connect(self, port_file: Path) -> WebSocket:
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if port_file.exists() and len(lines := port_file.read_text().splitlines()) == 2:
                address = f"ws://127.0.0.1:{lines[0]}{lines[1]}"
                return create_connection(address, suppress_origin=True, timeout=START_SECONDS)
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        self._process.kill()
        self._process.wait()
        raise RuntimeError("Chromium did not start")

    def _send(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        number = self._count
        message: dict[str, Any] = {"id": number, "method": method, "params": arguments}
        if self._session is not None and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        answer = self._receive(lambda reply: reply.get("id") == number, seconds=60)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer.get("result", {})

    def _receive(
        self, wanted: Callable[[dict[str, Any]], bool], *, seconds: float
    ) -> dict[str, Any]:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                message = json.loads(self._socket.recv())
            except WebSocketTimeoutException:
                break
            if "method" in message:
                self.events.append(message)
            if wanted(message):
                return message
        raise AssertionError(f"Chromium did not answer within {seconds} s")
