"""The sandbox over real HTTP: one thread per connection, keep-alive, and connections that can break on purpose.

A WSGI server cannot drop a connection or cut an answer short, so this stands on the standard library's server.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from .answers import Answer
from .app import SandboxApp

LARGEST_BODY = 64_000_000
IDLE_SECONDS = 120


class SandboxServer(ThreadingHTTPServer):
    """Serves one app. Raises OSError from the constructor where the port is taken."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    # On Windows this option would let two servers share a port.
    allow_reuse_address = sys.platform != "win32"

    def __init__(self, app: SandboxApp, host: str, port: int) -> None:
        self.app = app
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stops listening and ends the connections that clients keep alive."""
        super().server_close()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for _ in range(100):
            if not self._open:
                break
            time.sleep(0.01)
        self.app.store.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is shown as usual."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def __getattr__(self, name: str) -> Any:
        """Other methods are refused by the app in words, not with a page of the server's own."""
        if name in ("do_PUT", "do_PATCH", "do_DELETE", "do_OPTIONS"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        app = cast(SandboxServer, self.server).app
        answer = app.handle(self.command, self.path, dict(self.headers.items()), body)
        if answer.delay:
            time.sleep(answer.delay)
        if answer.broken == "dropped":
            self.close_connection = True
            return
        self._send(answer)

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _chunks(self) -> bytes | None:
        """A body whose length its sender did not know beforehand; None where it is malformed or too large."""
        body = bytearray()
        while True:
            size = self.rfile.readline(1_024).split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size) or len(body) + int(size, 16) > LARGEST_BODY:
                self.close_connection = True
                return None
            if not int(size, 16):
                while self.rfile.readline(1_024).strip():
                    pass  # trailers
                return bytes(body)
            body += self.rfile.read(int(size, 16))
            self.rfile.readline(1_024)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.broken == "cut":
            self.wfile.write(answer.body[: len(answer.body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(answer.body)
        self.wfile.flush()

    def version_string(self) -> str:
        return "ordersite-sandbox"

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the requests page shows what came, and a token must not reach a log."""


def serve(app: SandboxApp, host: str, port: int, ready: Callable[[str], None] | None = None) -> None:
    """Serves until the process is interrupted; raises OSError where the port is taken.

    `ready` is told the address without a path once connections are accepted; port 0 takes a free one.
    """
    server = SandboxServer(app, host, port)
    try:
        if ready is not None:
            ready(f"http://{host}:{server.server_address[1]}")
        server.serve_forever()
    finally:
        server.server_close()


@contextlib.contextmanager
def running(app: SandboxApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serves on a free port for the block; gives the address without a path, such as `http://127.0.0.1:40123`."""
    server = SandboxServer(app, host, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
