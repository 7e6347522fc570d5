"""`python -m benchmarks`: what it is asked for, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.case import Case, Missing
from benchmarks.registry import all_cases

from . import fakes

BAD_NUMBERS = [("--rounds", "0"), ("--rounds", "many"), ("--seconds", "-1"), ("--seconds", "nan")]


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Runs the command with these cases, and gives the JSON it has written."""

    def run(*cases: Case, arguments: tuple[str, ...] = ()) -> dict[str, object]:
        monkeypatch.setattr(command, "all_cases", lambda quick, seconds: list(cases))
        command.main(["--rounds", "1", "--out", str(tmp_path), *arguments])
        document: dict[str, object] = json.loads((tmp_path / "latest.json").read_text())
        return document

    return run


@pytest.mark.parametrize("kind", ["case", "peer"])
def test_unknown_name_is_one_line_with_the_names_there_are(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([f"--{kind}s", "nope"])
    output = capsys.readouterr()
    assert ended.value.code == 2
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert f"unknown {kind} 'nope'" in output.err
    cases = all_cases(quick=False, seconds=1)
    names = {case.name for case in cases} if kind == "case" else set(cases[0].contestants)
    assert all(name in output.err for name in names)


@pytest.mark.parametrize(("option", "value"), BAD_NUMBERS)
def test_bad_number_is_one_line_that_names_it(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([option, value])
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.count("\n") == 1
    assert option in error
    assert repr(value) in error


def test_list_names_the_cases_that_match(capsys: pytest.CaptureFixture[str]) -> None:
    command.main(["--list", "--cases", "echo-32B-10*c,handshakes"])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    shapes = ["echo-32B-10c", "echo-32B-100c", "echo-32B-1000c", "echo-32B-10000c"]
    assert names == [*shapes, "handshakes"]


def test_only_a_full_run_goes_where_the_readme_looks() -> None:
    where = {
        arguments: command.destination(command.command_line().parse_args(arguments))
        for arguments in [(), ("--quick",), ("--cases", "*"), ("--peers", "*"), ("--out", "x")]
    }
    assert where[()] == command.RESULTS
    assert where["--out", "x"] == Path("x")
    assert [path for path in where.values() if path == command.PARTS] == [command.PARTS] * 3


def test_every_case_has_a_name_of_its_own_and_rawws_first() -> None:
    cases = all_cases(quick=False, seconds=1)
    assert len({case.name for case in cases}) == len(cases)
    assert {case.contestants[0] for case in cases} == {"rawws", "WebSocket"}
    quick = all_cases(quick=True, seconds=1)
    assert {case.name for case in quick} < {case.name for case in cases}


def test_figures_and_versions_are_written(
    measuring: Callable[..., dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    document = measuring(fakes.case(figures={"rawws": [6.0], "peer": [3.0]}))
    assert document["cases"] == [
        {
            "name": "fake",
            "title": "fake, a title",
            "metrics": [
                {
                    "name": "things/s",
                    "higher_is_better": True,
                    "figures": {"rawws": [6.0], "peer": [3.0]},
                }
            ],
            "absent": {},
        }
    ]
    assert {"rawws", "trio", "wsproto", "h11"} <= set(document["versions"])  # type: ignore[call-overload]
    assert {"python", "kernel", "processor", "cores"} <= set(document)
    assert "2.00 x" in capsys.readouterr().out


def test_peer_that_is_not_installed_is_a_line_and_the_rest_runs(
    measuring: Callable[..., dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Missing("not installed (peer)")
    one = fakes.case_that_cannot_start({"peer": missing}, "rawws")
    measuring(one, one)
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("peer: not installed (peer)") == 1
    assert sum(line.split()[:1] == ["rawws"] for line in lines) == 2


def test_crash_of_a_server_shows_its_output_and_gives_no_figure(
    measuring: Callable[..., dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    steady = "print(1, flush=True); input(); input()"
    crashing = "print(1, flush=True); input(); raise RuntimeError('out of luck')"
    document = measuring(fakes.case_of_programs(peer=crashing, rawws=steady))
    output = capsys.readouterr().out
    assert "peer: the server ended with status 1" in output
    assert "RuntimeError: out of luck" in output
    [case] = document["cases"]  # type: ignore[misc]
    assert case["metrics"][0]["figures"] == {"rawws": [1.0]}
    # No more of it: what is written may be shown to others, and a traceback names files.
    assert case["absent"] == {"peer": "the server ended with status 1: RuntimeError: out of luck"}


def test_peers_that_are_not_chosen_are_not_measured(
    measuring: Callable[..., dict[str, object]],
) -> None:
    cases = fakes.case(["rawws", "a", "b"], "one"), fakes.case(["rawws", "b"], "two")
    document = measuring(*cases, arguments=("--peers", "a"))
    measured = [(case["name"], *case["metrics"][0]["figures"]) for case in document["cases"]]  # type: ignore[attr-defined]
    assert measured == [("one", "a")]
