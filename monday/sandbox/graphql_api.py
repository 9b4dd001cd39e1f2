"""The address `/v2`: one POST, from the bytes that came to the bytes that go."""

from __future__ import annotations

import json
import logging
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, FieldNode, GraphQLError, OperationDefinitionNode, OperationType

from . import complexity, journal, schema, striking, versions
from .answers import Answer, json_answer, refused, shown
from .behaviour import Behaviour
from .exchange import Exchange
from .faults import AFTER, BEFORE, STRUCTURAL, Fault, FaultScript
from .idempotency import KeyStore, Remembered
from .limits import Admission, Gate, Limits
from .refusals import Refusal
from .store import SandboxStore

log = logging.getLogger(__name__)
STALE_IN_PROCESS = 2.0  # seconds after which an in-process request that never ended counts as killed


@dataclass(frozen=True, slots=True)
class Question:
    """A request that can be read: its document, variables and operation."""

    token: str
    key: str | None
    version: str
    body: bytes
    ready: schema.Prepared
    variables: Mapping[str, Any]
    operation_name: str | None
    request_id: str

    @property
    def operation(self) -> OperationDefinitionNode | None:
        return self.ready.operation(self.operation_name)

    @property
    def kind(self) -> str:
        return self.operation.operation.value if self.operation else "unreadable"

    def names(self) -> list[str]:
        """The operation's kind and the fields at its root, for faults that strike some of them."""
        fields = self.operation.selection_set.selections if self.operation else ()
        return [self.kind, *(f.name.value for f in fields if isinstance(f, FieldNode))]


class GraphQLApi:
    """Answers GraphQL requests of one account; see `SandboxApp` for the settings."""

    def __init__(
        self,
        store: SandboxStore,
        *,
        plan: str,
        limits: Limits,
        latency: float,
        script: FaultScript,
        behaviour: Behaviour,
        settle_seconds: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.store, self.plan, self.latency, self.script, self.behaviour = store, plan, latency, script, behaviour
        self.clock, self.sleep = clock, sleep
        running = max(settle_seconds, STALE_IN_PROCESS)
        self.gate = Gate(store, limits, clock, running)
        self.keys = KeyStore(store, behaviour, clock, running)

    def exchange(self, db: sqlite3.Connection, by: str = "") -> Exchange:
        """What the resolvers of one request share; `by` is its token, "" of somebody who edits by hand."""
        return Exchange(
            self.store,
            db,
            self.store.account_id,
            self.behaviour,
            plan=self.plan,
            token=by,
            clock=self.clock,
            sleep=self.sleep,
        )

    def answer(self, token: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answers one POST whose token was accepted."""
        request_id, arrived = str(uuid.uuid4()), self.clock()
        try:
            question = self._question(token, headers, body, request_id)
        except Refusal as refusal:
            return _stamped(refused(refusal, request_id), versions.CURRENT)
        with self.store.connection() as db:
            with self.store.writing(db):
                entry = journal.begin(db, self.clock(), question.kind)
                fault = self.script.striking(db, entry.number, question.names())
                if fault is not None and fault.kind in STRUCTURAL:
                    striking.change_structure(db, fault)
            answer = self._admitted(db, question, entry, fault, arrived)
            entry.status = answer.status
            entry.note = ", ".join(part for part in (entry.note, fault.kind if fault else "") if part)
            with self.store.writing(db):
                journal.end(db, entry, self.clock())
            return _stamped(answer, question.version, self.gate.headers(db))

    def _question(self, token: str, headers: Mapping[str, str], body: bytes, request_id: str) -> Question:
        if len(body) > self.behaviour.body_cap:
            raise Refusal("BadRequest", "Payload too large", status=413)
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            raise Refusal("JsonParseException", "The body is not JSON", status=400) from None
        if not isinstance(data, Mapping) or not isinstance(data.get("query"), str):
            raise Refusal("BadRequest", "No query string was present", status=400)
        variables = data.get("variables")
        if isinstance(variables, str):
            variables = _json_object(variables)
        if variables is not None and not isinstance(variables, Mapping):
            raise Refusal("BadRequest", "variables must be an object", status=400)
        version = self.behaviour.answers_as or versions.answering(headers.get("api-version"))
        name = data.get("operationName")
        return Question(
            token=token,
            key=headers.get("idempotency-key") or None,
            version=version,
            body=body,
            ready=schema.prepared(data["query"]),
            variables=variables or {},
            operation_name=name if isinstance(name, str) else None,
            request_id=request_id,
        )

    def _admitted(
        self, db: sqlite3.Connection, question: Question, entry: journal.Entry, fault: Fault | None, arrived: float
    ) -> Answer:
        operation = question.operation
        if question.ready.errors or question.ready.document is None or operation is None:
            errors = question.ready.errors or (GraphQLError("No operation of this name"),)
            return json_answer(
                self.behaviour.validation_status,
                {"errors": [shown(error) for error in errors], "extensions": {"request_id": question.request_id}},
            )
        estimate = complexity.Estimate(question.ready.document, question.variables, self.behaviour.mutation_cost)
        entry.cost = estimate.total(operation)
        try:
            if self.gate.limits.any and entry.cost > complexity.REQUEST_LIMIT:
                raise Refusal(
                    "ComplexityException", f"Query cost {entry.cost} exceeds the limit of {complexity.REQUEST_LIMIT}"
                )
            weight = 0.1 if complexity.asks_only_complexity(operation) else 1.0
            admission = self.gate.admit(db, entry.cost, weight, arrived)
        except Refusal as refusal:
            return refused(refusal, question.request_id)
        try:
            return self._once(db, question, entry, fault, admission)
        finally:
            self.gate.settle(db, admission, entry.cost)

    def _once(
        self,
        db: sqlite3.Connection,
        question: Question,
        entry: journal.Entry,
        fault: Fault | None,
        admission: Admission,
    ) -> Answer:
        """Runs a request at most once per idempotency key."""
        claim: Remembered | str = ""
        if question.key and question.kind == OperationType.MUTATION.value:
            try:
                claim = self.keys.claim(db, question.token, question.key, question.body)
            except Refusal as refusal:
                return refused(refusal, question.request_id)
        if isinstance(claim, Remembered):
            entry.note = "replayed"
            headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Replayed": "true"}
            return Answer(claim.status, headers, claim.body)
        if fault is not None and fault.kind in BEFORE:
            self.keys.release(db, claim)
            return striking.before(fault, question.request_id)
        exchange = self._prepared_exchange(db, question, entry, fault, admission)
        if exchange.latency and question.kind == OperationType.QUERY.value:
            self.sleep(exchange.latency)
        result = schema.run(question.ready, exchange, question.variables, question.operation_name)
        entry.operations, entry.refused = exchange.mutations, exchange.refused
        # An operation that failed costs much less than one that was done.
        entry.cost -= exchange.refused * self.behaviour.mutation_cost * 9 // 10
        answer = self._finished(exchange, question, result)
        self.keys.keep(db, claim, answer.status, answer.body, refused=bool(result.errors))
        return striking.after(fault, answer) if fault is not None and fault.kind in AFTER else answer

    def _prepared_exchange(
        self,
        db: sqlite3.Connection,
        question: Question,
        entry: journal.Entry,
        fault: Fault | None,
        admission: Admission,
    ) -> Exchange:
        exchange = self.exchange(db, question.token)
        exchange.version = question.version
        exchange.latency = self.latency
        exchange.deadline = self.clock() + self.behaviour.server_timeout
        exchange.daily_limit = self.gate.limits.daily_calls or None
        exchange.complexity = lambda: {
            "before": admission.before,
            "query": admission.charged,
            "after": max(0, admission.before - admission.charged),
            "reset_in_x_seconds": admission.reset_in,
        }
        if fault is not None:
            dice = self.script.chance(-1, entry.number)
            exchange.field_fault = striking.on_field(fault, len(question.names()) - 1, dice)
        return exchange

    def _finished(self, exchange: Exchange, question: Question, result: ExecutionResult) -> Answer:
        if exchange.timed_out:
            return striking.gateway(504)
        for error in result.errors or ():
            if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
                log.error("the sandbox failed on its own", exc_info=error.original_error)
        body: dict[str, Any] = {"data": result.data}
        if result.data is not None and exchange.missing:
            body["data"] = {alias: value for alias, value in result.data.items() if alias not in exchange.missing}
        if result.errors:
            body["errors"] = [shown(error) for error in result.errors]
            if result.data is None and not any(error.path for error in result.errors):
                del body["data"]  # the variables did not fit, so nothing ran
        body["extensions"] = {"request_id": question.request_id}
        if self.behaviour.account_in_body:
            body["account_id"] = int(exchange.account_id)
        return json_answer(200 if "data" in body else self.behaviour.validation_status, body)


def _json_object(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError):
        raise Refusal("JsonParseException", "variables are not JSON", status=400) from None


def _stamped(answer: Answer, version: str, more: Mapping[str, str] | None = None) -> Answer:
    headers = {**answer.headers, **(more or {}), "API-Version": version}
    return Answer(answer.status, headers, answer.body, answer.broken, answer.delay)
