"""Tables: medians, spread, and rawws beside each peer."""

from __future__ import annotations

from benchmarks.case import Result
from benchmarks.table import Row, as_markdown, as_text, rows

from . import fakes


def test_row_has_median_lowest_and_highest() -> None:
    assert rows({"rawws": [30, 10, 20]}) == [Row("rawws", 20, 10, 30, None)]


def test_ratio_is_rawws_by_the_peer() -> None:
    ours, peer = rows({"rawws": [90, 100, 300], "peer": [40, 50, 10]})
    assert (ours.ratio, peer.ratio) == (None, 2.5)


def test_there_is_no_ratio_without_rawws_or_to_nothing() -> None:
    assert [row.ratio for row in rows({"a": [1], "b": [2]})] == [None, None]
    assert [row.ratio for row in rows({"rawws": [1], "stuck": [0]})] == [None, None]


def test_terminal_table_shows_the_ratio_beside_each_peer() -> None:
    figures = {"things/s": {"peer": [500.0], "rawws": [1250.0]}}
    title, metric, _, ours, peer = as_text(Result(fakes.case(), figures)).splitlines()
    assert title == "fake, a title"
    assert metric.strip() == "things/s"
    assert ours.split() == ["rawws", "1,250", "1,250", "1,250"]
    assert peer.split() == ["peer", "500", "500", "500", "2.50", "x"]


def test_table_says_when_less_is_better() -> None:
    result = Result(fakes.case(metric=fakes.MEMORY), {"KB": {"rawws": [8.0]}})
    assert "KB (less is better)" in as_text(result)
    assert "KB (less is better)" in as_markdown(result)


def test_markdown_names_who_is_absent_and_why() -> None:
    why = "ended with status 1\nTraceback\n  File ...\nValueError: no"
    result = Result(fakes.case(), {"things/s": {"rawws": [2.0]}}, {"peer": why})
    text = as_markdown(result)
    assert "| rawws | 2 | 2 | 2 |  |" in text
    assert "peer: ended with status 1: ValueError: no\n" in text
    assert "Traceback" not in text
