"""The application behind the web server that comes with it, over a kept connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
from waitress.server import create_server

from ordersite.wsgi import application


@pytest.fixture
def port() -> Iterator[int]:
    server = create_server(application, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    server.task_dispatcher.shutdown()
    server.close()
    thread.join(timeout=10)


def test_a_head_leaves_nothing_for_the_next_answer_on_its_connection(port: int) -> None:
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as kept:
        for method in ("HEAD", "HEAD", "GET"):
            kept.request(method, "/healthz")
            answer = kept.getresponse()
            text = answer.read()
            assert (answer.status, answer.will_close) == (200, False)
        assert int(answer.headers["Content-Length"]) == len(text) > 0
