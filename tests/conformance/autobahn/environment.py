"""A Python 2.7 with the Autobahn test suite in it, made once and kept under .autobahn/."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SUITE = "autobahntestsuite==0.8.2"
VIRTUALENV = "virtualenv<20.16"  # the last that makes environments for 2.7
PYENV_VERSION = "2.7.18"


class NoPython27(Exception):
    """No working Python 2.7 on this machine."""


def make_wstest(home: Path) -> list[str]:
    """The command that runs the suite; what is missing of it under `home` is installed first.

    Raises:
        NoPython27: none was found.
        subprocess.CalledProcessError: an installation failed.
    """
    environment = home / "python27"
    ready = home / "ready"
    if not ready.exists():
        _install(_find_python27(), home / "virtualenv", environment)
        ready.touch()
    return [str(environment / "bin/python"), "-u", str(environment / "bin/wstest")]


def _install(python27: str, virtualenv: Path, environment: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    print(f"installing {SUITE} for {python27}", flush=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}
    _run([python27, *pip, "--upgrade", "--target", str(virtualenv), VIRTUALENV], quiet)
    make = [python27, "-m", "virtualenv", "--quiet", str(environment)]
    _run(make, quiet | {"PYTHONPATH": str(virtualenv)})
    _run([str(environment / "bin/python"), *pip, SUITE], quiet)


def _run(command: list[str], environment: dict[str, str]) -> None:
    """Runs to the end; what it has to say is shown only when it fails."""
    done = subprocess.run(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        print(done.stdout)
        done.check_returncode()


def _find_python27() -> str:
    for path in _candidates():
        asked = [path, "-c", "import pip, sys; print(sys.version_info[:2] == (2, 7))"]
        if path and _output(asked) == "True":
            return path
    raise NoPython27("no Python 2.7 with pip found: set AUTOBAHN_PYTHON27 to one")


def _candidates() -> Iterator[str | None]:
    if chosen := os.environ.get("AUTOBAHN_PYTHON27"):
        yield chosen
        return
    if shutil.which("pyenv"):
        which = ["pyenv", "which", "python2.7"]
        yield _output(which, os.environ | {"PYENV_VERSION": PYENV_VERSION})
    yield shutil.which("python2.7")


def _output(command: list[str], environment: dict[str, str] | None = None) -> str:
    """What a command prints, "" where it fails."""
    try:
        done = subprocess.run(command, env=environment, text=True, capture_output=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
