"""What every mutation goes through: one after another, each in its own transaction, each failing alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .exchange import Exchange, FieldFault, Info, of
from .refusals import Refusal, bad_argument

Resolver = Callable[..., Any]


def mutation(work: Callable[..., Any]) -> Resolver:
    """Runs `work(exchange, **arguments)` in one write transaction of its own.

    A refusal rolls back this mutation only. The wait for the plan's latency lies outside the transaction.
    """

    @wraps(work)
    def resolve(_root: Any, info: Info, **arguments: Any) -> Any:
        exchange = of(info)
        alias = str(info.path.key)
        fault = exchange.field_fault
        if fault is not None and fault.index != exchange.reached:
            fault = None
        exchange.reached += 1
        if not _may_run(exchange, alias, fault):
            return None
        exchange.mutations += 1
        try:
            if fault is not None and fault.refusal is not None:
                raise fault.refusal
            if exchange.latency:
                exchange.sleep(exchange.latency)
            with exchange.store.writing(exchange.db):
                return work(exchange, **arguments)
        except Refusal:
            exchange.refused += 1
            raise
        except (UnicodeEncodeError, OverflowError):  # half a character, or a number that no id reaches
            exchange.refused += 1
            raise bad_argument("A text or a number cannot be stored", arguments=sorted(arguments)) from None
        finally:
            exchange.forget_labels()

    return resolve


def _may_run(exchange: Exchange, alias: str, fault: FieldFault | None) -> bool:
    """False for a mutation that the server does not reach; its alias will be missing from the answer."""
    behaviour = exchange.behaviour
    if exchange.clock() > exchange.deadline:
        exchange.timed_out = True
    stopped = exchange.timed_out or (exchange.refused > 0 and not behaviour.continue_after_failure)
    if fault is not None and fault.how in ("skip", "hide"):
        exchange.missing.add(alias)
    if stopped or (fault is not None and fault.how == "skip"):
        exchange.missing.add(alias)
        return False
    if behaviour.alias_cap and exchange.mutations >= behaviour.alias_cap:
        exchange.refused += 1
        raise bad_argument("Too many mutations in one request", limit=behaviour.alias_cap)
    return True
