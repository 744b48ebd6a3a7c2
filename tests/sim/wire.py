# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 by hand, so that a test decides on every byte and sees every byte.

Python's own servers tidy up what these tests are about: chunk borders, header spelling, answers cut
in the middle, connections reset. Used by the Runtime API and the local AWS alike.
"""

import http
import socket
import struct
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request as it came; `head` holds the raw request line and headers."""

    head: bytes
    method: str
    target: str
    headers: list
    body: bytes
    connection: int
    arrived: float

    def header(self, name, default=None):
        values = self.header_values(name)
        return values[0] if values else default

    def header_values(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Answer:
    """One answer. `raw` replaces the whole; `cut` sends only that many bytes, then closes."""

    status: int = 200
    headers: list = field(default_factory=list)
    body: bytes = b""
    chunks: list = None
    raw: bytes = None
    delay: float = 0.0
    cut: int = None
    close: bool = False
    reset: bool = False

    def to_bytes(self):
        if self.raw is not None:
            return self.raw
        return self.head() + (chunked(self.chunks) if self.chunks is not None else self.body)

    def head(self):
        phrases = {s.value: s.phrase for s in http.HTTPStatus}
        lines = [f"HTTP/1.1 {self.status} {phrases.get(self.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        names = {name.lower() for name, _ in self.headers}
        if self.chunks is not None and "transfer-encoding" not in names:
            lines.append("Transfer-Encoding: chunked")
        elif self.chunks is None and "content-length" not in names:
            lines.append(f"Content-Length: {len(self.body)}")
        if self.close:
            lines.append("Connection: close")
        # Header values may hold any byte a test wants; latin-1 keeps them one to one.
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def chunked(chunks):
    pieces = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk]
    return b"".join(pieces) + b"0\r\n\r\n"


class Connection:
    """One accepted connection: reads requests, sends answers."""

    def __init__(self, sock, number):
        self.sock = sock
        self.number = number
        self.buffer = b""

    def read_request(self):
        """The next whole request, or None when the other side closed."""
        head = self.read_head()
        return None if head is None else self.read_body(head)

    def read_head(self):
        """Request line and headers only: for answers that come before the body was read."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._receive():
                return None
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [(n, v.strip()) for n, _, v in (line.partition(":") for line in rest)]
        return Request(head, method, target, headers, b"", self.number, time.monotonic())

    def read_body(self, request):
        if request.header("Expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in request.header("Transfer-Encoding", "").lower():
            request.body = self._read_chunks()
        else:
            request.body = self._read_exactly(int(request.header("Content-Length", "0")))
        return None if request.body is None else request

    def send(self, answer):
        """Sends it; False when the connection must not be used any more."""
        if answer.delay:
            time.sleep(answer.delay)
        data = answer.to_bytes()
        if answer.cut is not None:
            data = data[: answer.cut]
        if data:
            self.sock.sendall(data)
        if answer.reset:
            self.reset()
        return not (answer.close or answer.reset or answer.cut is not None)

    def reset(self):
        """Closes with RST instead of FIN: what a dying network device does."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was faster
        self.sock.close()

    def _receive(self):
        data = self.sock.recv(262144)
        self.buffer += data
        return bool(data)

    def _read_exactly(self, count):
        pieces = [self.buffer[:count]]
        self.buffer = self.buffer[count:]
        missing = count - len(pieces[0])
        while missing:
            data = self.sock.recv(min(missing, 262144))
            if not data:
                return None
            pieces.append(data)
            missing -= len(data)
        return b"".join(pieces)

    def _read_line(self):
        while b"\r\n" not in self.buffer:
            if not self._receive():
                return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _read_chunks(self):
        body = b""
        while True:
            line = self._read_line()
            if line is None:
                return None
            size = int(line.split(b";")[0], 16)
            data = self._read_exactly(size + 2)
            if data is None:
                return None
            body += data[:size]
            if size == 0:
                return body


class Server:
    """Accepts on a free loopback port, one thread a connection. Subclasses write `serve`."""

    def __init__(self, tls=None, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family, backlog=128)
        self.host, self.port = host, self.listener.getsockname()[1]
        self.tls = tls
        self.connections_opened = 0
        self.stopping = False
        self._open = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def serve(self, connection):
        raise NotImplementedError

    def stop(self):
        self.stopping = True
        try:
            # Wakes the thread in accept(), which close() alone does not.
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.drop_connections()

    def drop_connections(self):
        """Closes all open connections, as a service does with those that were idle for long."""
        with self._lock:
            connections = list(self._open.values())
        for connection in connections:
            connection.close()

    @property
    def connections_open(self):
        with self._lock:
            return len(self._open)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self.connections_opened += 1
                connection = Connection(sock, self.connections_opened)
                self._open[connection.number] = connection
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            if self.tls:
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            self.serve(connection)
        except (OSError, ValueError) as problem:
            self.connection_failed(connection, problem)
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection.number, None)

    def connection_failed(self, connection, problem):
        """A connection that broke is part of many tests; subclasses may want to know."""
