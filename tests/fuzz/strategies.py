"""What a peer may send: streams of frames, good and bad, and ways to cut them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from rawws.core.conversation import Conversation
from rawws.core.deflate import Deflate
from rawws.core.events import Closed, Event, Message, MessagePart
from rawws.core.limits import Limits
from tests.core.wire import (
    BINARY,
    CLIENT,
    CLOSE,
    CONTINUATION,
    FIN,
    PING,
    PONG,
    RSV1,
    SERVER,
    TEXT,
    Deflater,
    Frame,
    Side,
    converse,
    deflate,
)

# For properties that are cheap to look at, and have many ways to be wrong.
often = settings(max_examples=5 * settings().max_examples)

LIMIT = 300  # bytes of a message, for what is to meet it
LIMITS = Limits(max_message_size=LIMIT, max_fragments=6)

SIDES = st.sampled_from([SERVER, CLIENT])
TEXTS = st.text(max_size=20) | st.text("aü€😀", min_size=1, max_size=4).map(lambda text: text * 30)
DATA = TEXTS | st.binary(max_size=60) | st.sampled_from([125, 126, LIMIT - 1, LIMIT]).map(bytes)
CODES = st.sampled_from([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])
DEFLATES = st.builds(
    Deflate,
    level=st.integers(-1, 9),
    window_bits=st.integers(9, 15),
    memory_level=st.integers(1, 9),
    context_takeover=st.booleans(),
    threshold=st.sampled_from([0, 10, 200]),
)

# Where they stand they are wrong, whatever comes before.
BAD_TEXT = [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x80"]
BAD_CLOSE = [b"\x03", b"\x03\xec", b"\x03\xed", b"\x03\xee", b"\x03\xf7", b"\0\0", b"\x13\x88"]


@st.composite
def cuts(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data in pieces, as they may arrive."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    return [piece for piece in pieces if piece]


@st.composite
def splits(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data in up to four fragments, which may be empty."""
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=3)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


@st.composite
def messages(
    draw: st.DrawFn, side: Side, deflater: Deflater | None, most: int = 125
) -> list[bytes]:
    """The frames of a good message, and a control frame of at most so many bytes."""
    value = draw(DATA)
    opcode, data = (TEXT, value.encode()) if isinstance(value, str) else (BINARY, value)
    if deflater is not None and draw(st.booleans()):
        pieces, rsv = draw(splits(deflater.message(data))), RSV1
    else:
        pieces, rsv = draw(splits(data)), 0
    frames = side.fragments(opcode, pieces, rsv=rsv)
    if draw(st.booleans()):
        frames.insert(draw(st.integers(0, len(frames))), draw(controls(side, most)))
    return frames


@st.composite
def controls(draw: st.DrawFn, side: Side, most: int) -> bytes:
    opcode = draw(st.sampled_from([PING, PONG]))
    return side.frame(FIN | opcode, draw(st.binary(max_size=min(5, most)) | st.just(bytes(most))))


@st.composite
def closes(draw: st.DrawFn, side: Side) -> bytes:
    return side.close(draw(st.none() | CODES))


def violations(side: Side) -> list[bytes]:
    """Whole frames that break a rule between messages; most do so within one, too."""
    other = CLIENT if side is SERVER else SERVER
    return [
        other.frame(FIN | TEXT, b"wrong mask"),
        side.frame(CONTINUATION, b"orphan"),
        side.frame(FIN | CONTINUATION),
        *(side.frame(FIN | bit | BINARY, b"reserved") for bit in (0x10, 0x20)),
        side.frame(FIN | RSV1 | PING),
        side.frame(RSV1 | CONTINUATION, b"x"),
        *(side.frame(FIN | opcode, b"reserved") for opcode in (3, 7, 11, 15)),
        *(side.frame(opcode) for opcode in (CLOSE, PING, PONG)),
        *(side.frame(FIN | opcode, bytes(126)) for opcode in (CLOSE, PING, PONG)),
        *(side.frame(FIN | CLOSE, payload) for payload in BAD_CLOSE),
        side.frame(FIN | CLOSE, b"\x03\xe8\xff"),
        *(side.frame(FIN | TEXT, text) for text in BAD_TEXT),
        side.frame(FIN | BINARY, bytes(LIMIT + 1)),
        b"".join(side.fragments(BINARY, [bytes(LIMIT), b"x"])),
        side.frame(TEXT, b"begun") + side.frame(TEXT, b"begun again"),
    ]


def only_here(side: Side) -> list[bytes]:
    """Violations that other implementations see otherwise, or not at all."""
    return [
        *(side.header(FIN | BINARY, length, 2) + bytes(length) for length in (0, 125)),
        side.header(FIN | BINARY, 126, 8) + bytes(126),
        side.header(FIN | BINARY, 2**63),
        side.header(FIN | BINARY, 2**63 - 1),
        b"".join(side.fragments(BINARY, [b""] * 7)),
    ]


def bad_deflate(side: Side) -> list[bytes]:
    """Compressed messages that do not inflate, or to what they must not, or both."""
    payloads = [b"", b"\x07", b"\xff" * 9]
    for data in (b"ok", b"\xff", bytes(LIMIT), bytes(LIMIT + 200), bytes(LIMIT + 1) + b"\xff"):
        payloads += [Deflater().message(data) + end for end in (b"", b"\xff" * 4)]
    return [side.frame(FIN | RSV1 | TEXT, payload) for payload in payloads]


@st.composite
def streams(draw: st.DrawFn, side: Side, *, compression: bool) -> bytes:
    """Frames, most of them good; some are not, and some bytes may be others."""
    deflater = Deflater() if compression else None
    frames: list[bytes] = []
    for _ in range(draw(st.integers(0, 4))):
        frames += draw(messages(side, deflater))
    if draw(st.booleans()):
        bad = [violations(side), only_here(side), *([bad_deflate(side)] if compression else [])]
        last = st.one_of(*map(st.sampled_from, bad), closes(side))
        frames.insert(draw(st.integers(0, len(frames))), draw(last))
    data = b"".join(frames)
    if data and draw(st.booleans()):
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + 1 :]
    return data


Begin = Callable[[Conversation], None]


def at_once(talk: Conversation) -> None:
    """The stream is the first that happens."""


def within_a_message(talk: Conversation) -> None:
    talk.send_part("begun", final=False)


def after_own_close(talk: Conversation) -> None:
    talk.close(1001)


BEGINNINGS = st.sampled_from([at_once, within_a_message, after_own_close])


@dataclass(frozen=True)
class Outcome:
    """All that a stream leads to."""

    events: list[Any]
    sent: list[Frame]
    state: str


def outcome(
    side: Side,
    pieces: Iterable[bytes],
    *,
    compression: bool = False,
    fast_lane: bool = True,
    parts: bool = False,
    begin: Begin = at_once,
) -> Outcome:
    """What comes of pieces and end of file; messages in parts are told as whole ones."""
    talk = side.talk(LIMITS, deflate=deflate() if compression else None, fast_lane=fast_lane)
    begin(talk)
    events = converse(talk, [*pieces, b""], parts=parts)
    return Outcome(list(map(told, joined(events))), side.sent(talk), talk.state.name)


def joined(events: Iterable[Event]) -> list[Event]:
    found: list[Event] = []
    parts: list[Any] = []
    for event in events:
        if not isinstance(event, MessagePart):
            found.append(event)
            continue
        parts.append(event.data)
        if event.final:
            found.append(Message(type(event.data)().join(parts)))
            parts = []
    return found


def told(event: Event) -> Any:
    """The event as what can be compared."""
    if isinstance(event, Closed) and event.error is not None:
        return event.close, type(event.error), event.error.code, str(event.error)
    return event
