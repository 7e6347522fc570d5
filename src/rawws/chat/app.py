"""The command `rawws-chat`."""

from __future__ import annotations

import logging
import signal
from collections.abc import AsyncIterator
from functools import partial

import click
import trio

import rawws

from . import server


@click.command(context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=8000, type=click.IntRange(0, 65535), help="Port; 0 takes any.")
def main(host: str, port: int) -> None:
    """A chat in the browser. It stops at Ctrl-C or SIGTERM; a second one stops it at once."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    failure: OSError | None = None
    try:
        trio.run(run, host, port)
    except* OSError as group:
        failure = _first(group)
    if failure is not None:
        why = failure.strerror or failure
        raise click.ClickException(f"cannot listen on {host} port {port}: {why}")


async def run(host: str, port: int) -> None:
    """Serve until a signal comes, then close every connection in good order."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            listening = await nursery.start(partial(server.serve, host, port))
            click.echo(f"rawws chat is at {_format_url(host, listening.port)} (Ctrl-C stops it)")
            await _stop_at_signal(signals, listening)
            nursery.cancel_scope.cancel()


async def _stop_at_signal(signals: AsyncIterator[int], listening: rawws.Server) -> None:
    await anext(signals)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_wait_again, signals, nursery.cancel_scope)
        await listening.aclose()
        nursery.cancel_scope.cancel()


async def _wait_again(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    await anext(signals)
    scope.cancel()


def _format_url(host: str, port: int) -> str:
    if host in ("0.0.0.0", "::", ""):
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _first(group: BaseExceptionGroup[OSError]) -> OSError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, OSError)
    return error
