"""A case's contestants take turns, and one that fails holds up nobody."""

from __future__ import annotations

from benchmarks.case import Crashed, Missing, Result
from benchmarks.rounds import complaints, measure

from . import fakes


def run(case: fakes.Case, rounds: int = 3) -> Result:
    return measure(case, case.contestants, rounds, step=lambda: None)


def test_contestants_take_turns_in_each_round() -> None:
    turns: list[str] = []
    run(fakes.case(["rawws", "a", "b"], turns=turns), rounds=2)
    assert turns == ["rawws", "a", "b", "rawws", "a", "b"]


def test_every_figure_is_kept_in_its_order() -> None:
    result = run(fakes.case(figures={"rawws": [3.0, 1.0, 2.0], "peer": [5.0, 5.0, 4.0]}))
    assert result.figures == {"things/s": {"rawws": [3.0, 1.0, 2.0], "peer": [5.0, 5.0, 4.0]}}


def test_case_has_no_more_rounds_than_are_enough() -> None:
    turns: list[str] = []
    run(fakes.case(["rawws"], turns=turns, enough=2), rounds=5)
    assert turns == ["rawws", "rawws"]


def test_only_those_chosen_take_part() -> None:
    case = fakes.case(["rawws", "a", "b"])
    result = measure(case, ["rawws", "b"], 1, step=lambda: None)
    assert list(result.figures["things/s"]) == ["rawws", "b"]


def test_missing_contestant_is_noted_and_the_rest_is_measured() -> None:
    case = fakes.case_that_cannot_start({"peer": Missing("not installed (peer)")}, "rawws")
    result = run(case, rounds=2)
    assert result.absent == {"peer": "not installed (peer)"}
    assert result.figures == {"things/s": {"rawws": [1.0, 1.0]}}


def test_crash_in_a_later_round_leaves_no_figure_and_ends_its_turns() -> None:
    turns: list[str] = []
    figures = {"peer": [2.0, Crashed("boom"), 2.0]}
    result = run(fakes.case(figures=figures, turns=turns))
    assert result.absent == {"peer": "boom"}
    assert result.figures == {"things/s": {"rawws": [1.0, 1.0, 1.0]}}
    assert turns == ["rawws", "peer", "rawws", "peer", "rawws"]


def test_progress_goes_on_for_the_turns_of_those_who_failed() -> None:
    steps: list[None] = []
    case = fakes.case_that_cannot_start({"peer": Crashed("boom")}, "rawws")
    measure(case, case.contestants, 3, step=lambda: steps.append(None))
    assert len(steps) == 6


def test_one_reason_is_one_line_and_is_said_once() -> None:
    result = Result(fakes.case(), absent={"a": "no compiler", "b": "boom", "c": "no compiler"})
    said: set[tuple[str, str]] = set()
    assert list(complaints(result, said)) == ["a, c: no compiler", "b: boom"]
    assert list(complaints(result, said)) == []
