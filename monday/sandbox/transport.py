"""The sandbox inside the caller's process, behind an ordinary `requests` session."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from monday.core.structure import BoardStructure

from .app import SandboxApp
from .store import SandboxStore

ADDRESS = "http://sandbox.ordersite/"


class SandboxAdapter(BaseAdapter):
    """Hands a session's requests to the app and raises what `requests` raises when a connection breaks."""

    def __init__(self, app: SandboxApp) -> None:
        super().__init__()
        self.app = app

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Answers in the caller's thread. A slow answer is not waited for: beyond the time-out it raises at once."""
        body = request.body or b""
        sent = (
            body.encode("utf-8")
            if isinstance(body, str)
            else bytes(body)
            if isinstance(body, (bytes, bytearray))
            else b""
        )
        headers = {name: _text(value) for name, value in request.headers.items()}
        answer = self.app.handle(request.method or "GET", request.path_url, headers, sent)
        if answer.broken == "dropped":
            raise requests.ConnectionError("The sandbox dropped the connection", request=request)
        patience = timeout[1] if isinstance(timeout, tuple) else timeout
        if patience is not None and answer.delay > patience:
            raise requests.ReadTimeout("The sandbox did not answer in time", request=request)
        if answer.broken == "cut":
            raise requests.exceptions.ChunkedEncodingError("The sandbox's answer ended early", request=request)
        return _response(request, answer.status, answer.headers, answer.body)

    def close(self) -> None:
        """Closes the store's idle connections."""
        self.app.store.close()


def sandbox_session(store_path: str | Path, **settings: Any) -> requests.Session:
    """A session for which `http://sandbox.ordersite/v2` is the sandbox in that file; `settings` go to SandboxApp.

    Raises StoreUnusable where the file cannot be used.
    """
    session = requests.Session()
    session.mount(ADDRESS, SandboxAdapter(SandboxApp(SandboxStore(store_path), **settings)))
    return session


def _response(
    request: requests.PreparedRequest, status: int, headers: Mapping[str, str], body: bytes
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers = CaseInsensitiveDict(headers)
    response.raw = io.BytesIO(body)
    response.url = request.url or ADDRESS
    response.request = request
    response.encoding = "utf-8"
    return response


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def seed(session: requests.Session, address: str, structure: BoardStructure, token: str) -> None:
    """Ask the sandbox at `address` (its `/v2`) to hold this board; boards that exist are only completed.

    Raises NotSeeded with one sentence where it does not answer or refuses.
    """
    url = address.removesuffix("/").removesuffix("/v2") + "/sandbox/seed"
    try:
        answer = session.post(url, json=structure.to_json(), headers={"Authorization": token}, timeout=(5, 30))
    except requests.RequestException as problem:
        raise NotSeeded(
            f"The local board at {address} cannot be reached ({type(problem).__name__}). "
            "Remedy: start it with `python manage.py monday_sandbox`, or unset MONDAY_API_URL."
        ) from None
    if answer.status_code != 200:
        raise NotSeeded(
            f"The address {address} does not answer as a local board (HTTP {answer.status_code}). "
            "Remedy: start one there with `python manage.py monday_sandbox`, or unset MONDAY_API_URL."
        )


class NotSeeded(Exception):
    """The address does not answer as a sandbox; the message says what to do."""


def http_session() -> requests.Session:
    """A session for a sandbox that is served over HTTP; it heeds no proxy, as the address is this machine's."""
    session = requests.Session()
    session.trust_env = False
    return session
