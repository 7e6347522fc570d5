"""What the report of an Autobahn run calls good and bad; the run itself is `make autobahn`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.autobahn.report import describe, problems
from tests.conformance.autobahn.roles import Run


def run_with(behaviours: dict[str, tuple[str, str]]) -> Run:
    run = Run("server", Path("reports"), lambda _: None)
    run.note("Cases = [u'" + "', u'".join(behaviours) + "']")
    run.results = {
        case: {"behavior": behaviour, "behaviorClose": close}
        for case, (behaviour, close) in behaviours.items()
    }
    return run


async def test_good_cases_are_no_problem() -> None:
    run = run_with({"1.1.1": ("OK", "OK"), "7.1.6": ("INFORMATIONAL", "INFORMATIONAL")})
    assert list(problems(run)) == []


@pytest.mark.parametrize(
    "verdicts",
    [("FAILED", "OK"), ("OK", "UNCLEAN"), ("OK", "WRONG CODE"), ("UNIMPLEMENTED", "OK")],
)
async def test_one_bad_case_is_a_problem_and_is_listed(verdicts: tuple[str, str]) -> None:
    run = run_with({"1.1.1": ("OK", "OK"), "12.1.10": verdicts})
    assert list(problems(run)) == ["bad: 1 cases"]
    assert f"  12.1.10: {verdicts[0]}, close {verdicts[1]}" in list(describe(run))


async def test_a_case_that_did_not_run_is_a_problem() -> None:
    run = run_with({"1.1.1": ("OK", "OK"), "6.4.1": ("OK", "OK")})
    del run.results["6.4.1"]
    assert list(problems(run)) == ["not run: 1 cases, 6.4.1 the first"]


async def test_nothing_selected_is_a_problem() -> None:
    assert list(problems(run_with({}))) == ["no case was selected"]


@pytest.mark.parametrize(("count", "allowed"), [(3, True), (4, False)])
async def test_three_non_strict_cases_are_allowed(count: int, allowed: bool) -> None:
    run = run_with({f"6.4.{number}": ("NON-STRICT", "OK") for number in range(1, count + 1)})
    assert (list(problems(run)) == []) is allowed


async def test_table_counts_by_category() -> None:
    run = run_with({"1.1.1": ("OK", "OK"), "1.1.2": ("OK", "OK"), "10.1.1": ("FAILED", "OK")})
    rows = [line.split() for line in describe(run)]
    assert ["1", "framing", "2", "2"] in rows
    assert ["all", "3", "2", "1"] in rows
