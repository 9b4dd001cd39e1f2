"""What is sent again, what never is, and that every operation is answered exactly once."""

import json

import pytest

from monday.core.answers import Reply, Verdict, read_reply
from monday.core.budget import LocalBudget
from monday.core.calls import Unavailable
from monday.core.documents import prepare
from monday.core.operations import ArchiveItem, ChangeValues, CreateItem, Done, Refused, Unclear
from monday.core.structure import BoardStructure
from monday.line import Line
from monday.writing import Writing

BOARD = BoardStructure("11", "Orders")
LOST = Reply(verdict=Verdict.BROKEN, reason="The connection broke.")
UNSENT = Reply(verdict=Verdict.UNSENT, reason="monday.com cannot be reached.")


def refused(code, status=200, path=None, **extensions):
    error = {"message": "no", "extensions": {"code": code, **extensions}, **({"path": path} if path else {})}
    return status, {"errors": [error]}


class Server:
    """Answers by a script; past its end every operation is done. Time passes only by sleeping."""

    def __init__(self, *script):
        self.script, self.sent, self.time, self.calls = list(script), [], 1000.0, []

    def send(self, body, key, creates):
        request = json.loads(body)
        aliases = sorted({name.split("_")[0] for name in request["variables"]}, key=lambda alias: int(alias[1:]))
        self.sent.append((key, body, len(aliases)))
        answer = self.script.pop(0) if self.script else {}
        if isinstance(answer, Reply):
            return answer
        if callable(answer):
            answer = answer(aliases)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        if not body:
            body = {"data": {alias: {"id": str(n)} for n, alias in enumerate(aliases)}}
        return read_reply(status, {}, json.dumps(body).encode())

    def sleep(self, seconds):
        self.time += seconds

    def line(self, budget=None):
        return Line(
            self.send,
            recorder=self.calls.append,
            budget=budget or LocalBudget(),
            sleep=self.sleep,
            clock=lambda: self.time,
        )


class Notebook:
    """A journal that keeps what it was told; `stop_at` is the sending at which it objects."""

    def __init__(self, stop_at=None):
        self.keys, self.announced, self.outcomes, self.stop_at = [], set(), {}, stop_at

    def sending(self, indices, key):
        if self.stop_at is not None and len(self.keys) == self.stop_at:
            raise RuntimeError("the lease is lost")
        self.keys.append(key)
        self.announced.update(indices)

    def answered(self, outcomes):
        assert not self.outcomes.keys() & outcomes.keys()
        self.outcomes.update(outcomes)


def write(server, *operations, journal=None, budget=None):
    journal = journal or Notebook()
    prepared = [prepare(n, f"receipt {n}", operation, BOARD) for n, operation in enumerate(operations)]
    found = Writing(server.line(budget), journal).send(prepared)
    assert found == journal.outcomes
    return [found[n] for n in range(len(operations))]


def creations(count):
    return [CreateItem("11", "g", f"Order {n}") for n in range(count)]


def changes(count):
    return [ChangeValues("11", str(n), {"name": f"Order {n}"}) for n in range(count)]


def test_creations_and_other_writes_never_share_a_request_and_keep_their_order():
    server = Server()
    write(server, *creations(2), *changes(3), ArchiveItem("9"), *creations(1))
    assert [count for _, _, count in server.sent] == [2, 4, 1]


def test_many_operations_travel_in_few_requests():
    server = Server()
    assert all(isinstance(outcome, Done) for outcome in write(server, *creations(400)))
    assert [count for _, _, count in server.sent] == [50, 100, 200, 50]


def test_a_creation_whose_answer_is_lost_is_unclear_and_never_sent_again():
    server = Server(LOST)
    outcomes = write(server, *creations(2))
    assert len(server.sent) == 1
    assert outcomes == [Unclear("The connection broke.", 1000.0)] * 2


def test_another_write_whose_answer_is_lost_goes_again_byte_by_byte_with_the_same_key():
    server = Server(LOST, LOST)
    assert all(isinstance(outcome, Done) for outcome in write(server, *changes(2)))
    assert len(server.sent) == 3
    assert len({(key, body) for key, body, _ in server.sent}) == 1
    assert [call.retries for call in server.calls] == [0, 1, 1]
    assert [call.waited for call in server.calls] == [0, 2, 4]


def test_a_write_that_is_lost_again_and_again_is_unclear():
    server = Server(LOST, LOST, LOST)
    outcomes = write(server, *changes(1))
    assert outcomes == [Unclear("The connection broke.", 1006.0)]


def test_a_write_is_not_repeated_when_its_key_is_about_to_run_out():
    server = Server(LOST)
    server.sleep = lambda seconds: setattr(server, "time", server.time + 26 * 60)
    outcomes = write(server, *changes(1))
    assert len(server.sent) == 1
    assert isinstance(outcomes[0], Unclear)


def test_a_limit_is_waited_for_and_the_request_goes_again_with_a_new_key_creations_too():
    server = Server(refused("COMPLEXITY_BUDGET_EXHAUSTED", 429, retry_in_seconds=17))
    journal = Notebook()
    assert write(server, *creations(1), journal=journal) == [Done("0")]
    assert len(set(journal.keys)) == 2
    assert server.time == 1017.0
    assert [call.waited for call in server.calls] == [0, 17]


def test_a_limit_after_a_lost_answer_keeps_the_key():
    server = Server(LOST, refused("RATE_LIMIT_EXCEEDED", 429))
    journal = Notebook()
    write(server, *changes(1), journal=journal)
    assert len(journal.keys) == 3
    assert len(set(journal.keys)) == 1


def test_one_refusal_fails_only_itself():
    error = {"message": "no", "path": ["a1"], "extensions": {"code": "ColumnValueException"}}
    server = Server({"data": {"a0": {"id": "1"}, "a1": None, "a2": {"id": "3"}}, "errors": [error]})
    outcomes = write(server, *creations(3))
    assert [type(outcome) for outcome in outcomes] == [Done, Refused, Done]
    assert len(server.sent) == 1


def test_an_operation_that_a_limit_kept_back_goes_again_alone():
    error = {"message": "no", "path": ["a1"], "extensions": {"code": "FIELD_LIMIT_EXCEEDED", "retry_in_seconds": 15}}
    server = Server({"data": {"a0": {"id": "1"}, "a1": None, "a2": {"id": "3"}}, "errors": [error]})
    outcomes = write(server, *creations(3))
    assert [type(outcome) for outcome in outcomes] == [Done, Done, Done]
    assert [count for _, _, count in server.sent] == [3, 1]
    assert server.time == 1015.0


def test_an_operation_that_goes_anew_by_itself_has_a_new_key():
    error = {"message": "no", "path": ["a0"], "extensions": {"code": "FIELD_LIMIT_EXCEEDED"}}
    server = Server({"data": {"a0": None}, "errors": [error]})
    assert write(server, *creations(1)) == [Done("0")]
    assert len({key for key, _, _ in server.sent}) == 2


def test_a_request_that_is_too_heavy_is_halved_until_it_passes():
    heavy = refused("ComplexityException")
    server = Server(heavy, heavy)
    outcomes = write(server, *creations(40))
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    assert [count for _, _, count in server.sent] == [40, 20, 10, 10, 10, 10]


def test_one_operation_that_is_too_heavy_by_itself_is_refused():
    server = Server(refused("ComplexityException"))
    assert write(server, *creations(1))[0].code == "ComplexityException"


def test_a_spent_day_stops_the_write_and_answers_what_was_announced():
    server = Server({}, refused("DAILY_LIMIT_EXCEEDED", 429, retry_in_seconds=3599))
    journal = Notebook()
    with pytest.raises(Unavailable) as stopped:
        write(server, *creations(120), journal=journal)
    assert stopped.value.retry_after == 3599
    assert not stopped.value.permanent
    assert journal.announced == journal.outcomes.keys() == set(range(120))
    assert [type(journal.outcomes[n]) for n in (0, 49, 50, 119)] == [Done, Done, Refused, Refused]
    assert journal.outcomes[119].transient


def test_after_a_spent_day_nothing_is_sent_any_more():
    server = Server(refused("DAILY_LIMIT_EXCEEDED", 429))
    budget = LocalBudget()
    for _ in range(2):
        with pytest.raises(Unavailable, match="Remedy"):
            write(server, *creations(1), budget=budget)
    assert len(server.sent) == 1


def test_a_token_that_is_not_accepted_stops_at_once_and_waiting_does_not_help():
    server = Server((401, {"errors": ["Not Authenticated"]}))
    journal = Notebook()
    with pytest.raises(Unavailable, match="MONDAY_API_TOKEN") as stopped:
        write(server, *creations(1), journal=journal)
    assert stopped.value.permanent
    assert (journal.outcomes[0].owner, journal.outcomes[0].transient) == ("access", False)


def test_a_server_that_cannot_be_reached_is_tried_three_times():
    server = Server(UNSENT, UNSENT, UNSENT)
    journal = Notebook()
    with pytest.raises(Unavailable, match="cannot be reached"):
        write(server, *creations(1), journal=journal)
    assert len(server.sent) == 3
    assert journal.outcomes[0].transient


def test_a_creation_goes_again_where_it_never_left():
    assert write(Server(UNSENT), *creations(1)) == [Done("0")]


def test_what_was_lost_before_a_stop_stays_unclear():
    server = Server(LOST, (401, {"errors": ["Not Authenticated"]}))
    journal = Notebook()
    with pytest.raises(Unavailable):
        write(server, *changes(1), journal=journal)
    assert isinstance(journal.outcomes[0], Unclear)


def test_a_server_that_loses_request_after_request_is_left_alone():
    server = Server(LOST, LOST, LOST)
    journal = Notebook()
    budget = LocalBudget()
    budget.too_heavy(2)
    with pytest.raises(Unavailable) as stopped:
        write(server, *creations(10), journal=journal, budget=budget)
    assert stopped.value.code == "Unclear"
    assert journal.announced == journal.outcomes.keys() == {0, 1, 2}


def test_a_document_that_the_api_does_not_know_is_refused_without_guessing():
    outcomes = write(Server(refused("undefinedField")), *creations(3))
    assert {outcome.code for outcome in outcomes} == {"undefinedField"}


def test_a_refusal_that_names_nobody_is_unclear_for_creations_and_is_found_by_halving_for_others():
    flat = {"error_code": "ColumnValueException", "error_message": "no", "status_code": 200}
    assert [type(outcome) for outcome in write(Server(flat), *creations(2))] == [Unclear, Unclear]
    outcomes = write(Server(flat, flat), *changes(2))
    assert [type(outcome) for outcome in outcomes] == [Refused, Done]


def test_a_journal_that_objects_stops_before_anything_leaves():
    server = Server()
    with pytest.raises(RuntimeError):
        write(server, *creations(1), journal=Notebook(stop_at=0))
    assert server.sent == []


def test_a_conflict_of_keys_waits_for_the_first_to_end():
    server = Server(LOST, refused("IDEMPOTENCY_CONFLICT", 409))
    assert write(server, *changes(1)) == [Done("0")]
    assert len({key for key, _, _ in server.sent}) == 1
