"""What a server is started for, by its command line."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What to do with a message, and how to talk.

    Attributes:
        broadcasts: it goes to everyone; otherwise back to who sent it.
        tls: None for plain TCP.
        deflate: whether to compress when the client offers it.
        uvloop: whether asyncio runs on uvloop.
    """

    broadcasts: bool
    tls: ssl.SSLContext | None
    deflate: bool
    uvloop: bool


def read_task() -> Task:
    """Read it from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=["echo", "broadcast", "bytes"])
    parser.add_argument("--tls", metavar="CERTIFICATE")
    parser.add_argument("--deflate", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.tls)
    return Task(options.task == "broadcast", context, options.deflate, options.uvloop)
