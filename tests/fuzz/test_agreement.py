"""Another implementation, websockets' protocol without IO, makes the same of a stream.

It leaves text to the layer above, so here `theirs` joins and decodes what it reports. Where
the two part ways is written down in `DIFFERENCES`, each shown to be one.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol as TheirClient
from websockets.extensions.permessage_deflate import PerMessageDeflate as TheirDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.protocol import Protocol as TheirProtocol
from websockets.server import ServerProtocol as TheirServer
from websockets.uri import parse_uri

from rawws.core.events import Message
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CONTINUATION,
    FIN,
    PING,
    RSV1,
    SERVER,
    Deflater,
    Side,
    converse,
    deflate,
)
from tests.fuzz.strategies import LIMIT, SIDES, closes, cuts, messages, often, violations

Verdict = tuple[list[str | bytes], int]


def theirs(side: Side, pieces: Iterable[bytes], limit: int | None, compression: bool) -> Verdict:
    """Messages, and the code of the Close that goes out, 1006 for none."""
    protocol: TheirProtocol
    if side is SERVER:
        protocol = TheirServer(state=OPEN, max_size=limit)
    else:
        protocol = TheirClient(parse_uri("ws://example.com/"), state=OPEN, max_size=limit)
    if compression:
        protocol.extensions = [TheirDeflate(False, False, 15, 15)]
    for piece in pieces:
        protocol.receive_data(piece)
    protocol.receive_eof()
    found: list[str | bytes] = []
    try:
        found.extend(whole_messages(protocol.events_received()))
    except UnicodeDecodeError:
        return found, 1007
    return found, 1006 if protocol.close_sent is None else int(protocol.close_sent.code)


def whole_messages(frames: Iterable[Frame]) -> Iterator[str | bytes]:
    data, text = b"", None
    for frame in frames:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            data, text = b"", codecs.getincrementaldecoder("utf-8")()
            is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            continue
        data += frame.data
        if is_text:
            text.decode(frame.data, frame.fin)
        if frame.fin:
            yield data.decode() if is_text else data


def ours(side: Side, pieces: Iterable[bytes], limit: int | None, compression: bool) -> Verdict:
    limits = Limits(max_message_size=limit)
    talk = side.talk(limits, deflate=deflate() if compression else None)
    events = converse(talk, [*pieces, b""])
    found = [event.data for event in events if isinstance(event, Message)]
    return found, 1006 if talk.close_sent is None else talk.close_sent.code


@often
@given(st.data(), SIDES, st.booleans())
def test_same_messages_and_the_same_close_code(
    data: st.DataObject, side: Side, compression: bool
) -> None:
    deflater = Deflater() if compression else None
    limit = None if compression else LIMIT
    most = 125 if compression else 0  # see the difference in what a Ping counts
    stream = data.draw(st.lists(messages(side, deflater, most), max_size=4))
    last = data.draw(st.sampled_from(["close", "violation", "cut", "nothing"]))
    if last == "cut" and stream:
        stream.append([data.draw(messages(side, deflater))[0][:-1]])
    elif last != "nothing":
        bad = closes(side) if last == "close" else st.sampled_from(violations(side))
        stream.insert(data.draw(st.integers(0, len(stream))), [data.draw(bad)])
    pieces = data.draw(cuts(b"".join(frame for frames in stream for frame in frames)))
    assert ours(side, pieces, limit, compression) == theirs(side, pieces, limit, compression)


def compressed(payload: bytes) -> bytes:
    return SERVER.frame(FIN | RSV1 | BINARY, payload)


def finished(data: bytes) -> bytes:
    """A whole DEFLATE stream, its last block marked as such, and the octet [7692 7.2.3.4]."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush() + b"\x00"


BEGUN = SERVER.frame(BINARY, b"begun")
END = SERVER.frame(FIN | CONTINUATION)
CLOSED = SERVER.close(1000)

# What it is, the stream, our verdict, theirs. A stream that leads to no Close ends in 1006.
DIFFERENCES: list[tuple[str, bytes, Verdict, Verdict]] = [
    (
        "They take a length that is not in its shortest form, which [5.2] forbids.",
        SERVER.header(FIN | BINARY, 0, 2),
        ([], 1002),
        ([b""], 1006),
    ),
    (
        "A length with its top bit set breaks [5.2]; to them it is too long.",
        SERVER.header(FIN | BINARY, 2**63),
        ([], 1002),
        ([], 1009),
    ),
    (
        "Of two violations in one frame, order against length, each names another.",
        BEGUN + SERVER.header(FIN | BINARY, LIMIT + 1),
        ([], 1002),
        ([], 1009),
    ),
    (
        "A Close between fragments is a Close [5.4, 5.5.1]; to them it is a violation.",
        BEGUN + CLOSED,
        ([], 1000),
        ([], 1002),
    ),
    (
        "Data that does not inflate is owed 1007, data not consistent with its type [7.4.1].",
        compressed(b"\xff\xff"),
        ([], 1007),
        ([], 1002),
    ),
    (
        "No octets are no DEFLATE blocks [7692 7.2.3.6]; they read an empty message.",
        compressed(b""),
        ([], 1007),
        ([b""], 1006),
    ),
    (
        "After a block with BFINAL [7692 7.2.3.4] they lose what follows, without a word.",
        compressed(finished(b"a")) + compressed(Deflater().message(b"b")),
        ([b"a", b"b"], 1006),
        ([b"a", b""], 1006),
    ),
    (
        "They have no limit of fragments.",
        BEGUN + SERVER.frame(CONTINUATION) * 65_536 + CLOSED,
        ([], 1008),
        ([], 1002),
    ),
    (
        "To them a Ping between fragments counts to the message, [5.4] notwithstanding.",
        SERVER.frame(BINARY, bytes(LIMIT - 10)) + SERVER.frame(FIN | PING, b"more than 10") + END,
        ([bytes(LIMIT - 10)], 1006),
        ([], 1009),
    ),
    (
        "We allow a compressed frame to be a little longer than what it inflates to.",
        compressed(b"\x00\x00\x00\xff\xff" * 70 + Deflater().message(b"x")),
        ([b"x"], 1006),
        ([], 1009),
    ),
]


@pytest.mark.parametrize(
    ("stream", "our_verdict", "their_verdict"),
    [difference[1:] for difference in DIFFERENCES],
    ids=[difference[0] for difference in DIFFERENCES],
)
def test_known_difference_is_one(
    stream: bytes, our_verdict: Verdict, their_verdict: Verdict
) -> None:
    compression = bool(stream[0] & RSV1)
    assert ours(SERVER, [stream], LIMIT, compression) == our_verdict
    assert theirs(SERVER, [stream], LIMIT, compression) == their_verdict
