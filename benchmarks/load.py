"""The load: the C program in load/, compiled for the occasion, on a core of its own."""

from __future__ import annotations

import atexit
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from . import processes
from .case import Crashed, Missing
from .messages import Messages

SOURCES = Path(__file__).parent / "load"
TLS = ["-DWITH_OPENSSL", "-lssl", "-lcrypto"]


@dataclass(frozen=True)
class Program:
    """The compiled program."""

    path: str
    has_openssl: bool


@cache
def _folder() -> Path:
    """A folder for as long as this process runs."""
    path = tempfile.mkdtemp(prefix="rawws-bench-")
    atexit.register(shutil.rmtree, path)
    return Path(path)


@cache
def program() -> Program:
    """Compile the load, once. Raises `Missing`."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Missing("the load is written in C, and there is no C compiler")
    path = str(_folder() / "load")
    command = [compiler, "-O2", "-o", path, *map(str, sorted(SOURCES.glob("*.c")))]
    if subprocess.run([*command, *TLS], capture_output=True).returncode == 0:
        return Program(path, has_openssl=True)
    subprocess.run(command, check=True)
    return Program(path, has_openssl=False)


def with_openssl() -> Program:
    """The load, when it can do TLS and the WebSocket handshake of a server."""
    compiled = program()
    if not compiled.has_openssl:
        raise Missing("the load needs OpenSSL's headers for it (Debian package libssl-dev)")
    return compiled


@cache
def certificate() -> str:
    """The path of a certificate and its key for 127.0.0.1."""
    try:
        import trustme
    except ImportError:
        raise Missing("trustme, which makes the certificate, is not installed") from None
    path = _folder() / "certificate.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return str(path)


@cache
def _files(messages: Messages) -> list[str]:
    """The messages as files, the way the load is told of them."""
    folder = Path(tempfile.mkdtemp(dir=_folder()))
    options = [f"exact={int(messages.exact)}"]
    for name in ("request", "frames", "replies"):
        if content := getattr(messages, name):
            (folder / name).write_bytes(content)
            options.append(f"{name}={folder / name}")
    return options


@dataclass(frozen=True)
class Load:
    """What a load is to do.

    Attributes:
        mode: see load/main.c.
        messages: what is sent.
        numbers: its other options, see load/main.c.
    """

    mode: str
    messages: Messages
    tls: bool = False
    numbers: tuple[tuple[str, float], ...] = ()

    def command(self, port: int, websocket: bool = True) -> list[str]:
        """The command line against the server at `port`."""
        compiled = with_openssl() if self.tls else program()
        files = _files(self.messages if websocket else self.messages.as_bytes())
        numbers = [f"{name}={value}" for name, value in self.numbers]
        return [compiled.path, self.mode, f"port={port}", f"tls={int(self.tls)}", *numbers, *files]

    def measure(self, server: processes.Server, websocket: bool = True) -> float:
        """Run it and give the figure it prints. Raises `Crashed`, for either side's end."""
        command = self.command(server.port, websocket)
        try:
            output = processes.run("the load", command, processes.LOAD)
        except Crashed as of_load:
            raise server.crash() or of_load from None
        server.settle()
        return float(output)

    @contextmanager
    def holding(self, server: processes.Server, websocket: bool = True) -> Iterator[Crowd]:
        """A load in mode "hold"."""
        with (
            tempfile.TemporaryFile("w+") as errors,
            processes.start(
                self.command(server.port, websocket), processes.LOAD, errors
            ) as process,
        ):
            try:
                yield Crowd(process, errors, server)
            finally:
                process.kill()


@dataclass(frozen=True)
class Crowd:
    """Connections that are held open."""

    process: subprocess.Popen[str]
    errors: IO[str]
    server: processes.Server

    def grow_to(self, number: int) -> None:
        """Open connections until there are `number`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(number, file=self.process.stdin, flush=True)
        if not self.process.stdout.readline():
            self.process.wait()
            raise self.server.crash() or processes.failure("the load", self.process, self.errors)
