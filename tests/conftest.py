"""What all tests share: hypothesis profiles, `require`, and whose lines coverage counts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import coverage
import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

settings.register_profile("default", max_examples=60, deadline=None, print_blob=True)
settings.register_profile("long", parent=settings.get_profile("default"), max_examples=5_000)
settings.load_profile(os.environ.get("RAWWS_HYPOTHESIS", "default"))

# Programs that tests look for: the names they go by, and the Debian package that has them.
PROGRAMS: dict[str, tuple[tuple[str, ...], str]] = {
    "cc": (("cc", "gcc"), "gcc"),
    "python3-config": (("python3-config",), "python3-dev"),
    "chromium": (("chromium", "chromium-browser", "google-chrome"), "chromium"),
}


@pytest.fixture(scope="session")
def require() -> Callable[[str], str]:
    """`require("chromium")` gives the path of a program, or skips the test and names it.

    A program named in RAWWS_REQUIRE (comma-separated, or "all") is owed: then the test fails.
    """
    owed = os.environ.get("RAWWS_REQUIRE", "").split(",")

    def find(name: str) -> str:
        names, package = PROGRAMS.get(name, ((name,), name))
        path = next(filter(None, map(shutil.which, names)), None)
        if path is not None:
            return path
        missing = f"{name} is not installed (Debian package {package})"
        if "all" in owed or name in owed:
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Lets coverage note which folder's tests ran a line.

    core/ has to be covered by tests/core alone, and so one run of all tests can tell.
    """
    running = coverage.Coverage.current()
    if running is not None:
        running.switch_context(item.path.relative_to(TESTS).parts[0])
    return (yield)
