"""Case "push", from end to end, for a second."""

from __future__ import annotations

import pytest

from benchmarks import push


@pytest.mark.parametrize(
    ("way", "requests"), [("WebSocket", 1), ("poll 100 ms, new connection", 10)]
)
def test_clients_in_a_process_of_their_own_hear_of_the_server_s_updates(
    way: str, requests: int
) -> None:
    with push.start(1, way) as measure:
        figures = measure()
    (case,) = push.cases(quick=True)
    assert figures.keys() == {metric.name for metric in case.metrics}
    assert figures[push.REQUESTS] == pytest.approx(requests, rel=0.2)
    assert figures[push.DELAY] < 1000
