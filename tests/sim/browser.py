# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over its own pipe by the DevTools protocol: no port, no library.

Messages are JSON, each ended by a NUL: https://chromedevtools.github.io/devtools-protocol/
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

# The browser reads at descriptor 3 and writes at 4.
AT_3_AND_4 = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
              "os.execv(sys.argv[3], sys.argv[3:])")
NAMES = ("chromium", "chromium-browser", "google-chrome")
SECONDS_MAX = 60


def find():
    """The path of a Chromium; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser with one page. Use it with `with`."""

    def __init__(self, path):
        # Its children outlive it for a moment and go on writing there.
        self.folder = tempfile.TemporaryDirectory(prefix="desync-guard-browser-",
                                                  ignore_cleanup_errors=True)
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()
        # Out of the way of 3 and 4.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]
        command = [path, "--headless=new", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                   "--disable-extensions", "--disable-background-networking",
                   "--disable-component-update", "--no-proxy-server", "--remote-debugging-pipe",
                   f"--user-data-dir={self.folder.name}", "about:blank"]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # its sandbox refuses root
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_3_AND_4, *map(str, ends), *command], pass_fds=ends,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in (to_browser, from_browser, *ends):
            os.close(end)
        self.unread, self.count, self.events, self.session = b"", 0, [], None
        self.attach()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.read_end)
        os.close(self.write_end)
        self.folder.cleanup()

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        answer = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = answer["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def receive(self):
        deadline = time.monotonic() + SECONDS_MAX
        while b"\0" not in self.unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_end], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.read_end, 1 << 20)
            if not data:
                raise EOFError("the browser has ended")
            self.unread += data
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        """The event; it may have come already."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event.get("method") == method:
                    return event
            seen = len(self.events)
            self.events.append(self.receive())

    def show(self, width, height=900, dark=False, media="screen"):
        """What the next page is opened with."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def allow_script(self, is_allowed):
        self.call("Emulation.setScriptExecutionDisabled", value=not is_allowed)

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self):
        """What stands in the console as an error or a warning, since the page was opened."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        found = []
        for event in self.events:
            parameters = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"]["text"])
            elif event.get("method") == "Runtime.consoleAPICalled":
                if parameters["type"] in ("error", "warning", "assert"):
                    found.append(json.dumps(parameters["args"]))
            elif event.get("method") == "Log.entryAdded":
                if parameters["entry"]["level"] in ("error", "warning"):
                    found.append(parameters["entry"]["text"])
        return found

    def requests(self):
        """The addresses that were asked for since the page was opened."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def shot(self, is_whole=False):
        """A PNG of what the window shows, or of the whole page."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        return base64.b64decode(answer["data"])

    def screenshot(self, path):
        """The whole page."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.shot(is_whole=True))

    def pdf(self, path):
        answer = self.call("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(answer["data"]))
