"""The token bucket."""

from __future__ import annotations

from rawws.chat.pace import Bucket


def test_burst_is_free_and_what_comes_after_is_debt() -> None:
    bucket = Bucket(rate=1, burst=3, now=10)
    assert [bucket.spend(10) for _ in range(5)] == [2, 1, 0, -1, -2]


def test_time_pays_the_debt() -> None:
    bucket = Bucket(rate=2, burst=1, now=0)
    assert bucket.spend(0) == 0
    assert bucket.spend(0) == -1
    assert bucket.spend(0.5) == -1
    assert bucket.spend(1.5) == 0


def test_bucket_holds_no_more_than_a_burst() -> None:
    bucket = Bucket(rate=5, burst=3, now=0)
    assert bucket.spend(1_000_000) == 2
