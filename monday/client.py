"""The only file that calls monday.com's API.

`MondayClient` reads boards and items, and writes operations whose outcomes are done, refused or unclear. Requests that
are refused by a limit wait and go again here, and nowhere else.
Source of transport facts: https://developer.monday.com/api-reference/docs/api-versioning and docs/rate-limits
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import requests
import structlog
import urllib3
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from .core import queries
from .core.answers import Problem, Reply, Verdict, read_reply
from .core.budget import Budget, LocalBudget
from .core.calls import ApiVersion, Call, Identity, Journal, Unavailable
from .core.columns import NotWritable
from .core.documents import prepare, refused_before
from .core.errors import fault_of
from .core.operations import Item, Operation, Outcome
from .core.structure import BoardStructure, Column
from .line import Anew, Line
from .reading import Reading
from .token import Token
from .writing import Writing

__all__ = ["ApiVersion", "Call", "Identity", "Journal", "MondayClient", "Unavailable"]

IDLE = 20.0  # seconds; an older connection may have been closed by the other side at this very moment
LARGEST = 64 * 1024 * 1024  # bytes of an answer
NEVER_LEFT = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NameResolutionError,
    ssl.SSLCertVerificationError,
)
BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationParseError,
)

log = structlog.get_logger(__name__)


class _Http:
    """One address, one token, one connection that is kept open."""

    def __init__(
        self,
        address: str,
        token: Token,
        session: requests.Session,
        headers: Mapping[str, str],
        timeouts: tuple[float, float],
    ) -> None:
        self._address, self._token, self._session = address, token, session
        self._headers, self._timeouts = headers, timeouts
        self._used = time.monotonic()

    def send(self, body: bytes, key: str, creates: bool) -> Reply:
        """One POST and its answer. A token that is not set is refused before anything leaves."""
        if not self._token:
            raise Unavailable(
                "No monday.com token is set. Remedy: set MONDAY_API_TOKEN or MONDAY_API_TOKEN_FILE.",
                code="NoToken",
                permanent=True,
            )
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        if creates and time.monotonic() - self._used > IDLE:
            self._drop_idle_connection()
        try:
            with self._session.post(
                self._address,
                data=body,
                headers=headers,
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
                auth=self._sign,
            ) as response:
                return read_reply(response.status_code, response.headers, self._content(response))
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            return _without_answer(problem)
        finally:
            self._used = time.monotonic()

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # Given as `auth`, so that a .netrc file cannot put another word in its place.
        request.headers["Authorization"] = self._token.reveal()
        return request

    def _drop_idle_connection(self) -> None:
        adapter = self._session.get_adapter(self._address)
        if isinstance(adapter, HTTPAdapter):
            adapter.close()

    def _content(self, response: requests.Response) -> bytes:
        """The whole body, unless it trickles in for longer than the read time-out or is larger than any answer."""
        until, chunks, size = time.monotonic() + self._timeouts[1], [], 0
        for chunk in _as_they_come(response):
            chunks.append(chunk)
            size += len(chunk)
            if size > LARGEST or time.monotonic() > until:
                raise requests.exceptions.ReadTimeout
        return b"".join(chunks)


class MondayClient:
    """Speaks to one address with one token. Not for several threads at once: give each its own.

    Times are in seconds. `session` may bring its own transport; TLS is verified, and proxies and certificates come from
    the environment, unless it says otherwise. `sleep` and `clock` (epoch seconds) belong together.
    `waits` is told the seconds of every wait for the account's limits, before it begins.
    Every method may raise `Unavailable`.
    """

    def __init__(
        self,
        *,
        address: str,
        token: Token,
        session: requests.Session | None = None,
        api_version: str = "2026-10",
        connect_timeout: float = 10,
        read_timeout: float = 75,
        recorder: Callable[[Call], None] | None = None,
        budget: Budget | None = None,
        waits: Callable[[float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session or requests.Session()
        headers = {"Content-Type": "application/json", "API-Version": api_version, "User-Agent": "Ordersite"}
        http = _Http(address, token, self._session, headers, (connect_timeout, read_timeout))
        budget = budget or LocalBudget()
        self._line = Line(http.send, recorder=recorder, budget=budget, waits=waits, sleep=sleep, clock=clock)
        self._reading = Reading(self._line)

    def close(self) -> None:
        """Give the connection back."""
        self._session.close()

    def identity(self) -> Identity:
        """Whose token this is, which API version answers, and whether a sandbox does."""
        data, reply = self._line.ask("identity", queries.IDENTITY, {})
        account, user = data.get("account") or {}, data.get("me") or {}
        version = data.get("version") or {}
        settle = reply.headers.get("x-ordersite-settle")
        return Identity(
            account_id=str(account.get("id") or ""),
            account_name=str(account.get("name") or ""),
            user_id=str(user.get("id") or ""),
            sandbox="x-ordersite-sandbox" in reply.headers,
            settle_seconds=float(settle) if settle else None,
            version=ApiVersion(str(version["value"]), str(version["kind"])) if version else None,
        )

    def version(self) -> ApiVersion:
        """The API version that answers, which need not be the one that was asked for."""
        data, _ = self._line.ask("version", queries.VERSION, {})
        return ApiVersion(str(data["version"]["value"]), str(data["version"]["kind"]))

    def daily_limit(self) -> int | None:
        """Calls a day that the account's plan allows, None where the API does not say."""
        data, _ = self._line.ask("daily_limit", queries.DAILY_LIMIT, {})
        limit = (data.get("platform_api") or {}).get("daily_limit") or {}
        total = limit.get("total") or limit.get("base")
        return int(total) if total else None

    def board(self, board_id: str) -> BoardStructure:
        """The board as it stands, with the board of its subitems; that is None where no subitem was ever made."""
        return self._reading.board(board_id)

    def find_items(
        self,
        board_id: str,
        column_id: str,
        values: Sequence[str],
        *,
        columns: Sequence[Column],
        subitem_columns: Sequence[Column] = (),
    ) -> list[Item]:
        """Active items whose column holds one of these values, whatever their case. Blank values find nothing."""
        return self._reading.find_items(board_id, column_id, values, columns, subitem_columns)

    def items(
        self,
        ids: Sequence[str],
        *,
        columns: Sequence[Column],
        subitem_columns: Sequence[Column] = (),
        updates: bool = False,
    ) -> dict[str, Item]:
        """Items by id, archived and deleted ones included; ids that the board never had are absent.

        With `updates` also what people wrote below them and their subitems, replies included.
        """
        return self._reading.items(ids, columns, subitem_columns, updates=updates)

    def edits(self, board_ids: Sequence[str], ids: Sequence[str]) -> dict[str, frozenset[str]]:
        """By item or subitem of these boards: the columns whose last change was by others than the token's owner.

        Items of which the board's activity log does not tell all since they were made are absent.
        """
        return self._reading.edits(board_ids, ids)

    def all_items(
        self, board_id: str, *, columns: Sequence[Column], subitem_columns: Sequence[Column] = (), page: int = 0
    ) -> Iterator[Item]:
        """Every active item of a board, each once, in pages of at most `page` items (0: as the rest is read)."""
        return self._reading.all_items(board_id, columns, subitem_columns, page)

    def write(
        self, operations: Sequence[Operation], *, board: BoardStructure, tokens: Sequence[str], journal: Journal
    ) -> list[Outcome]:
        """Send the operations in order, many in a request, and say what became of each.

        `tokens` names each operation for good (no two are ever equal): the same token, attempt and values make the same
        idempotency key. Operations whose values cannot be sent are refused here and do not keep the others back.
        Raises Unavailable where going on is pointless; by then every operation that the journal was told of is
        answered there, and no other was sent. Whatever `journal.sending` raises comes through.
        """
        outcomes: dict[int, Outcome] = {}
        ready = []
        for index, (operation, token) in enumerate(zip(operations, tokens, strict=True)):
            try:
                ready.append(prepare(index, token, operation, board))
            except NotWritable as problem:
                outcomes[index] = refused_before(problem)
        if outcomes:
            journal.answered(dict(outcomes))
        outcomes.update(Writing(self._line, journal).send(ready))
        return [outcomes[index] for index in range(len(operations))]

    def create_labels(self, board_id: str, column: Column, texts: Sequence[str]) -> Column:
        """Make these labels of a status or dropdown column exist, and give the column as it then stands.

        Safe to repeat. Somebody else's change of the column at the same time is read and kept.
        """
        if not set(texts) - column.label_texts():
            return column
        if column.kind not in queries.UPDATE_LABELS:
            raise Unavailable(
                f"Column {column.title} has no labels. Remedy: correct the mapping.", code="NoLabels", permanent=True
            )
        for _ in range(5):
            raw = self._reading.raw_column(board_id, column.id)
            current = queries.parse_column(raw)
            if not set(texts) - current.label_texts():
                return current
            settings = queries.label_settings(column.kind, raw, texts)
            variables = {"board": board_id, "id": column.id, "revision": current.revision, "settings": settings}
            try:
                self._line.ask("create_labels", queries.UPDATE_LABELS[column.kind], variables, operations=1)
            except Anew:
                log.info("monday_column_moved", column=column.id)
        raise Unavailable(
            f"The labels of column {column.title} are being changed by others all the time. Remedy: try again.",
            code="REVISION_MISMATCH",
        )

    def create_all_labels(self, wanted: Mapping[tuple[str, Column], Sequence[str]]) -> None:
        """Make labels of many columns exist, by (board id, column), in two calls where nobody interferes.

        Safe to repeat. A column whose change does not come through is done by itself.
        """
        boards, columns = {board for board, _ in wanted}, {column.id for _, column in wanted}
        raw = self._reading.raw_columns(sorted(boards), sorted(columns)) if wanted else {}
        kinds: list[str] = []
        variables: dict[str, Any] = {}
        for (board_id, column), texts in wanted.items():
            entry = raw.get((board_id, column.id))
            if entry is None or not set(texts) - queries.parse_column(entry).label_texts():
                continue
            at = len(kinds)
            kinds.append(column.kind)
            variables |= {f"board{at}": board_id, f"id{at}": column.id, f"revision{at}": entry["revision"]}
            variables[f"settings{at}"] = queries.label_settings(column.kind, entry, texts)
        if not kinds:
            return
        try:
            document = queries.update_many_labels(kinds)
            self._line.ask("create_labels", document, variables, operations=len(kinds))
        except Unavailable as problem:
            log.info("monday_labels_one_by_one", why=problem.code)
            for (board_id, column), texts in wanted.items():
                self.create_labels(board_id, column, texts)

    def create_column(self, board_id: str, title: str, kind: str, id: str | None = None) -> Column:
        """A new column; `id` may be chosen (1 to 20 of the letters a-z and _) and is never free again."""
        variables = {"board": board_id, "id": id, "title": title, "kind": kind}
        data, _ = self._line.ask("create_column", queries.CREATE_COLUMN, variables, operations=1, once=True)
        return queries.parse_column(data["create_column"])

    def create_board(self, name: str) -> str:
        """A new, empty board; its id."""
        data, _ = self._line.ask("create_board", queries.CREATE_BOARD, {"name": name}, operations=1, once=True)
        return str(data["create_board"]["id"])


def _as_they_come(response: requests.Response) -> Iterator[bytes]:
    """The pieces of a body as they arrive; `iter_content` waits until a piece of known length is full."""
    raw = response.raw
    if not isinstance(raw, urllib3.HTTPResponse):  # the sandbox inside this process
        yield from response.iter_content(65_536)
        return
    while piece := raw.read1(65_536, decode_content=True):
        yield piece


def _without_answer(problem: Exception) -> Reply:
    """What is known where an exception came instead of an answer; its own text may hold secrets and is not shown."""
    cause: Any = problem.args[0] if problem.args else problem
    cause = getattr(cause, "reason", cause)
    inner = cause.args[0] if isinstance(cause, urllib3.exceptions.SSLError) and cause.args else cause
    name = type(inner if isinstance(inner, Exception) else problem).__name__
    if isinstance(problem, BAD_ADDRESS):
        fault = fault_of("WRONG_ADDRESS")
        return Reply(
            problems=(Problem(fault, fault.code, fault.meaning),), verdict=Verdict.REJECTED, reason=fault.meaning
        )
    if isinstance(inner, ssl.SSLCertVerificationError) or "TLS CA certificate" in str(cause):
        remedy = "give the certificate authority of your network in REQUESTS_CA_BUNDLE, and check MONDAY_API_URL."
        reason = f"monday.com's certificate could not be verified. Remedy: {remedy}"
        return Reply(verdict=Verdict.UNSENT, reason=reason)
    if any(isinstance(one, NEVER_LEFT) for one in (problem, cause, inner)):
        remedy = "check the network, the proxy settings and MONDAY_API_URL."
        return Reply(verdict=Verdict.UNSENT, reason=f"monday.com cannot be reached ({name}). Remedy: {remedy}")
    return Reply(
        verdict=Verdict.BROKEN,
        reason=f"The connection broke before monday.com's answer came ({name}). Remedy: try again in a few minutes.",
    )
