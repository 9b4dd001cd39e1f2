"""A cluster that is asked to end tells its workers so, who give back what they push after the chunk in hand."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django_q.cluster import Cluster

from staging.running import ending

BOTH = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    former = {number: signal.getsignal(number) for number in BOTH}
    yield
    ending.ask(yes=False)
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="spawned processes share no memory")
@pytest.mark.parametrize("number", BOTH)
def test_a_signal_reaches_the_workers_before_the_cluster_waits_for_them(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    seen: list[int] = []
    told, tell = os.pipe()

    def stop(_cluster: Cluster) -> None:
        os.write(tell, b"now")
        seen.append(os.waitpid(child, 0)[1])

    monkeypatch.setattr(Cluster, "start", lambda _cluster: None)
    monkeypatch.setattr(Cluster, "stop", stop)
    call_command("qcluster", verbosity=0)
    child = os.fork()
    if not child:
        os.read(told, 1)
        os._exit(int(not ending.asked()))
    assert not ending.asked()
    signal.raise_signal(number)
    assert seen == [0]
    os.close(told)
    os.close(tell)
