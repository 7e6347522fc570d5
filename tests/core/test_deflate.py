"""permessage-deflate on messages: bounded, exact, and at one with other implementations."""

from __future__ import annotations

import os
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate as TheirDeflate
from websockets.frames import Frame as TheirFrame
from websockets.frames import Opcode as TheirOpcode
from wsproto.extensions import PerMessageDeflate as WsprotoDeflate
from wsproto.frame_protocol import (
    CloseReason,
    FrameDecoder,
    FrameProtocol,
    Opcode,
    ParseFailed,
    RsvBits,
)

from rawws.core.deflate import NAME, STEP, Deflate, PerMessageDeflate
from rawws.core.errors import MessageTooBig

PROTO = FrameDecoder(client=True, extensions=[])  # the extension never looks at it
PLAIN = RsvBits(False, False, False)
RSV1 = RsvBits(True, False, False)
TAIL = b"\x00\x00\xff\xff"

CONFIGS = st.builds(
    Deflate,
    level=st.integers(-1, 9),
    window_bits=st.integers(9, 15),
    memory_level=st.integers(1, 9),
    context_takeover=st.booleans(),
)
# Pieces that come again, near and far, next to ones that never do.
PAYLOADS = st.lists(
    st.sampled_from([b"", b"a", b"abcdefgh" * 9, bytes(700), bytes(range(256)), os.urandom(300)])
    | st.binary(max_size=80),
    max_size=12,
).map(b"".join)
FRAGMENTS = st.lists(PAYLOADS, min_size=1, max_size=4)


def make(config: Deflate | None = None, *, bits: int | None = None) -> PerMessageDeflate:
    """An extension with the same terms in both directions, so that it can read itself."""
    config = config or Deflate()
    bits = bits or config.window_bits
    return PerMessageDeflate(
        config,
        inbound_bits=bits,
        inbound_takeover=config.context_takeover,
        outbound_bits=bits,
        outbound_takeover=config.context_takeover,
    )


def collect(extension: PerMessageDeflate) -> list[bytes]:
    """Where what the extension inflates from now on is found."""
    got: list[bytes] = []
    extension.sink = got.append
    return got


def read_frame(
    extension: PerMessageDeflate,
    pieces: Iterable[bytes],
    *,
    opcode: Opcode = Opcode.BINARY,
    rsv: RsvBits = RSV1,
    fin: bool = True,
) -> bytes | CloseReason:
    """What wsproto gets of a frame: payload that was not compressed, or the failure."""
    pieces = list(pieces)
    header = extension.frame_inbound_header(PROTO, opcode, rsv, sum(map(len, pieces)))
    if isinstance(header, CloseReason):
        return header
    direct = b""
    for piece in pieces:
        payload = extension.frame_inbound_payload_data(PROTO, piece)
        if isinstance(payload, CloseReason):
            return payload
        direct += payload
    failure = extension.frame_inbound_complete(PROTO, fin)
    return direct if failure is None else failure


def inflate(extension: PerMessageDeflate, payload: bytes) -> bytes | CloseReason:
    """A whole message through the sink."""
    got = collect(extension)
    rest = read_frame(extension, [payload])
    return b"".join(got) if rest == b"" else rest


def deflated(data: bytes, *, wbits: int = -15) -> bytes:
    compressor = zlib.compressobj(wbits=wbits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def finished(data: bytes) -> bytes:
    """`data` as one DEFLATE stream whose last block has BFINAL set."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush(zlib.Z_FINISH)


def inflate_strictly(decompressor: zlib._Decompress, payload: bytes) -> bytes:
    """Inflates in small steps: zlib holds what it writes in one step against no window."""
    got, rest = b"", payload + TAIL
    while piece := decompressor.decompress(rest, 64):
        got, rest = got + piece, decompressor.unconsumed_tail
    return got


def ignore(piece: bytes) -> None:
    """A sink that keeps nothing."""


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


# Deflate


def test_defaults_are_those_documented() -> None:
    assert Deflate() == Deflate(
        level=6, window_bits=11, memory_level=4, context_takeover=True, threshold=128
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("level", range(-1, 10)),
        ("window_bits", range(9, 16)),
        ("memory_level", range(1, 10)),
        ("context_takeover", [True, False]),
        ("threshold", [0, 2**40]),
    ],
)
def test_every_value_in_its_range_compresses(name: str, values: Iterable[int]) -> None:
    for value in values:
        config = Deflate(**{name: value})  # type: ignore[arg-type]
        assert inflate(make(config), make(config).compress(b"hello" * 50)) == b"hello" * 50


def test_more_effort_makes_smaller_messages() -> None:
    message = b" ".join(b"%d" % (number**2) for number in range(5000))
    sizes = [len(make(Deflate(level=level)).compress(message)) for level in (0, 1, 6, 9)]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 4
    assert sizes[0] > len(message)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *(("level", value, "-1 to 9") for value in (-2, 10)),
        *(("window_bits", value, "9 to 15") for value in (-15, 0, 8, 16)),
        *(("memory_level", value, "1 to 9") for value in (0, 10)),
        ("threshold", -1, "at least 0"),
    ],
)
def test_value_out_of_range_is_named_with_what_is_allowed(
    name: str, value: int, allowed: str
) -> None:
    with pytest.raises(ValueError, match=rf"^Deflate\.{name} must be {allowed}, not {value}$"):
        Deflate(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        *((name, "9", "an int") for name in ("level", "window_bits", "memory_level", "threshold")),
        ("level", 6.0, "an int"),
        ("level", None, "an int"),
        ("threshold", True, "an int"),
        ("context_takeover", 1, "a bool"),
        ("context_takeover", None, "a bool"),
    ],
)
def test_value_of_another_type_is_named(name: str, value: object, wanted: str) -> None:
    with pytest.raises(TypeError, match=rf"^Deflate\.{name} must be {wanted}, not "):
        Deflate(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "kilobytes"),
    [
        (Deflate(), 32),
        (Deflate(window_bits=15, memory_level=8), 309),
        (Deflate(window_bits=9, memory_level=1), 18),
    ],
)
def test_memory_of_a_connection_is_what_is_documented(config: Deflate, kilobytes: int) -> None:
    frames = [make(config).compress(b"hello" * 1000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        extension = make(config)
        extension.sink = ignore
        extension.compress(b"hello" * 1000)
        assert read_frame(extension, frames) == b""
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before == pytest.approx(kilobytes * 1000, rel=0.15)


def test_extension_that_carried_no_compressed_message_holds_no_zlib_object() -> None:
    tracemalloc.start()
    try:
        extensions = [make() for _ in range(10)]
        for extension in extensions:
            assert read_frame(extension, [b"plain"], rsv=PLAIN) == b"plain"
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after / len(extensions) < 1024


# Round trips


@given(CONFIGS, st.integers(8, 15), st.lists(FRAGMENTS, max_size=4), st.data())
def test_messages_come_out_as_they_went_in(
    config: Deflate, bits: int, messages: list[list[bytes]], data: st.DataObject
) -> None:
    bits = min(bits, config.window_bits)
    sender, receiver = make(config, bits=bits), make(config, bits=bits)
    for fragments in messages:
        got = collect(receiver)
        for index, fragment in enumerate(fragments):
            opcode = Opcode.CONTINUATION if index else Opcode.BINARY
            fin = index == len(fragments) - 1
            rsv, payload = sender.frame_outbound(PROTO, opcode, PLAIN, fragment, fin)
            assert rsv == (PLAIN if index else RSV1)
            pieces = cut(payload, data.draw(st.integers(1, 300)))
            assert read_frame(receiver, pieces, opcode=opcode, rsv=rsv, fin=fin) == b""
        assert b"".join(got) == b"".join(fragments)


@given(CONFIGS, st.lists(PAYLOADS, max_size=4))
def test_compressed_messages_are_what_zlib_reads(config: Deflate, messages: list[bytes]) -> None:
    sender = make(config)
    decompressor = zlib.decompressobj(-config.window_bits)
    for message in messages:
        if not config.context_takeover:
            decompressor = zlib.decompressobj(-config.window_bits)
        assert decompressor.decompress(sender.compress(message) + TAIL) == message


@given(CONFIGS, st.lists(PAYLOADS, max_size=4))
def test_what_zlib_wrote_is_read(config: Deflate, messages: list[bytes]) -> None:
    receiver = make(config)
    compressor = zlib.compressobj(config.level, wbits=-config.window_bits)
    for message in messages:
        if not config.context_takeover:
            compressor = zlib.compressobj(config.level, wbits=-config.window_bits)
        payload = compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
        assert inflate(receiver, payload[:-4]) == message


@given(CONFIGS, st.lists(PAYLOADS, min_size=1, max_size=4))
def test_window_of_8_bits_is_kept_to(config: Deflate, messages: list[bytes]) -> None:
    sender = make(config, bits=8)
    decompressor = zlib.decompressobj(-8)
    for message in messages:
        if not config.context_takeover:
            decompressor = zlib.decompressobj(-8)
        assert inflate_strictly(decompressor, sender.compress(message)) == message


@pytest.mark.parametrize("level", range(-1, 10))
@pytest.mark.parametrize("memory_level", [1, 4, 9])
def test_window_of_8_bits_is_kept_to_at_every_distance(level: int, memory_level: int) -> None:
    sender = make(Deflate(level=level, memory_level=memory_level), bits=8)
    decompressor = zlib.decompressobj(-8)
    for distance in range(1, 600):
        message = os.urandom(distance) * 3
        assert inflate_strictly(decompressor, sender.compress(message)) == message


@pytest.mark.parametrize("bits", range(8, 16))
def test_window_of_the_peer_is_the_one_agreed_on(bits: int) -> None:
    sender, receiver = make(bits=15), make(bits=bits)
    message = os.urandom(2**bits + 300)
    assert inflate(receiver, sender.compress(message)) == message
    result = inflate(receiver, sender.compress(message))
    assert result == (message if bits == 15 else CloseReason.INVALID_FRAME_PAYLOAD_DATA)


@pytest.mark.parametrize("data", [bytearray(b"hello" * 99), memoryview(b"hello" * 99)])
def test_any_bytes_like_is_compressed(data: bytearray | memoryview) -> None:
    assert inflate(make(), make().compress(memoryview(data))) == b"hello" * 99


# Frames


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_control_frame_goes_out_as_it_is(opcode: Opcode) -> None:
    extension = make()
    assert extension.frame_outbound(PROTO, opcode, PLAIN, b"x", True) == (PLAIN, b"x")
    assert inflate(make(), extension.compress(b"next")) == b"next"


def test_other_extensions_bits_go_out_beside_rsv1() -> None:
    rsv, _ = make().frame_outbound(PROTO, Opcode.TEXT, RsvBits(False, True, True), b"", True)
    assert rsv == RsvBits(True, True, True)


@pytest.mark.parametrize("message", [b"", b"plain"])
def test_uncompressed_message_passes_the_extension_unchanged(message: bytes) -> None:
    extension = make()
    got = collect(extension)
    first, second = message[:2], message[2:]
    assert read_frame(extension, [first], rsv=PLAIN, fin=False) == first
    assert read_frame(extension, [second], opcode=Opcode.CONTINUATION, rsv=PLAIN) == second
    assert got == []


def test_uncompressed_message_between_compressed_ones_leaves_the_window() -> None:
    sender, receiver = make(), make()
    for message in (b"hello world " * 9, b"hello world " * 8):
        assert inflate(receiver, sender.compress(message)) == message
        assert read_frame(receiver, [b"plain"], rsv=PLAIN) == b"plain"


@pytest.mark.parametrize("opcode", [Opcode.CONTINUATION, Opcode.PING, Opcode.PONG, Opcode.CLOSE])
def test_rsv1_on_anything_but_the_first_frame_is_owed_1002(opcode: Opcode) -> None:
    extension = make()
    assert extension.frame_inbound_header(PROTO, Opcode.TEXT, RSV1, 1) == RSV1
    assert extension.frame_inbound_header(PROTO, opcode, RSV1, 1) is CloseReason.PROTOCOL_ERROR


def test_hazard_14_every_fragment_can_be_read_when_it_is_sent() -> None:
    sender, receiver = make(), make()
    got = collect(receiver)
    opcode = Opcode.TEXT
    for index in range(5):
        fragment = b"fragment %d" % index
        rsv, payload = sender.frame_outbound(PROTO, opcode, PLAIN, fragment, False)
        assert read_frame(receiver, [payload], opcode=opcode, rsv=rsv, fin=False) == b""
        assert got.pop() == fragment
        opcode = Opcode.CONTINUATION
    rsv, payload = sender.frame_outbound(PROTO, opcode, PLAIN, b"", True)
    assert payload == b"\x00"
    assert read_frame(receiver, [payload], opcode=opcode, rsv=rsv) == b""
    assert got == []


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
@pytest.mark.parametrize("rsv", [RSV1, PLAIN])
def test_hazard_12_control_frame_between_fragments_changes_nothing(
    opcode: Opcode, rsv: RsvBits
) -> None:
    extension = make()
    got = collect(extension)
    message = b"hello" * 50
    payload = deflated(message) if rsv.rsv1 else message
    direct = b""
    for index, piece in enumerate(cut(payload, 3)):
        now, bits = (Opcode.CONTINUATION, PLAIN) if index else (Opcode.BINARY, rsv)
        data = read_frame(extension, [piece], opcode=now, rsv=bits, fin=False)
        assert isinstance(data, bytes)
        direct += data
        assert read_frame(extension, [b"ping"], opcode=opcode, rsv=PLAIN) == b"ping"
        assert read_frame(extension, [], opcode=opcode, rsv=PLAIN) == b""
    assert read_frame(extension, [], opcode=Opcode.CONTINUATION, rsv=PLAIN) == b""
    assert b"".join(got) + direct == message


@pytest.mark.parametrize("rsv", [RSV1, PLAIN])
def test_header_hook_may_be_called_repeatedly_for_one_frame(rsv: RsvBits) -> None:
    extension = make()
    got = collect(extension)
    payload = deflated(b"hello")
    for opcode in (Opcode.PING, Opcode.BINARY):
        for _ in range(3):
            extension.frame_inbound_header(PROTO, opcode, PLAIN if opcode > 7 else rsv, 9)
    assert read_frame(extension, [payload], rsv=rsv) == (b"" if rsv.rsv1 else payload)
    assert got == ([b"hello"] if rsv.rsv1 else [])


# Hostile input


def test_continuation_of_no_message_is_not_inflated() -> None:
    extension = make()
    assert inflate(extension, deflated(b"hello")) == b"hello"
    assert read_frame(extension, [b"more"], opcode=Opcode.CONTINUATION, rsv=PLAIN) == b"more"


def test_rfc_examples_are_read() -> None:
    hello = bytes.fromhex("f248cdc9c90700")
    extension = make()
    assert inflate(extension, hello) == b"Hello"  # 7.2.3.1
    assert inflate(extension, bytes.fromhex("f200110000")) == b"Hello"  # 7.2.3.2
    assert inflate(make(), bytes.fromhex("000500faff48656c6c6f00")) == b"Hello"  # 7.2.3.3
    assert inflate(make(), bytes.fromhex("f348cdc9c9070000")) == b"Hello"  # 7.2.3.4
    two_blocks = bytes.fromhex("f248050000 00ffffcac9c90700")
    assert inflate(make(), two_blocks) == b"Hello"  # 7.2.3.5
    assert inflate(make(), b"\x00") == b""  # 7.2.3.6


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_hazard_13_message_goes_on_behind_a_bfinal_block(size: int) -> None:
    extension = make()
    got = collect(extension)
    for message in (b"one " * 20, b"two " * 9000, b"", b"three"):
        pieces = cut(finished(message) + finished(b"more") + b"\x00", size)
        assert read_frame(extension, pieces) == b""
        assert b"".join(got) == message + b"more"
        got.clear()
    assert inflate(extension, deflated(b"next")) == b"next"


def test_hazard_13_tail_may_be_the_end_of_a_bfinal_block() -> None:
    extension = make()
    for _ in range(3):
        assert inflate(extension, deflated(b"hello") + TAIL + b"\x01") == b"hello"


@pytest.mark.parametrize("behind", [b"", b"\xff", b"garbage", b"\x00\x00"])
def test_hazard_13_bfinal_block_with_nothing_or_garbage_behind_is_owed_1007(behind: bytes) -> None:
    assert inflate(make(), finished(b"hello") + behind) is CloseReason.INVALID_FRAME_PAYLOAD_DATA


def test_compressed_message_of_no_octets_is_owed_1007() -> None:
    extension = make()
    assert inflate(extension, deflated(b"hello")) == b"hello"
    assert inflate(extension, b"") is CloseReason.INVALID_FRAME_PAYLOAD_DATA


@pytest.mark.parametrize(
    "payload", [b"\x07", b"\xff\xff", b"\x00\x01\x02\x03\x04", b"\x04" + b"\xff" * 20]
)
def test_what_is_not_deflate_is_owed_1007(payload: bytes) -> None:
    assert inflate(make(), payload) is CloseReason.INVALID_FRAME_PAYLOAD_DATA


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.booleans())
def test_any_payload_is_inflated_or_owed_1007(payloads: list[bytes], takeover: bool) -> None:
    extension = make(Deflate(context_takeover=takeover))
    extension.sink = ignore
    for payload in payloads:
        result = read_frame(extension, cut(payload, 7))
        assert result in (b"", CloseReason.INVALID_FRAME_PAYLOAD_DATA)
        if result:
            return


@given(st.lists(st.binary(max_size=60) | PAYLOADS.map(deflated), max_size=4), st.data())
def test_chunks_of_the_input_make_no_difference(payloads: list[bytes], data: st.DataObject) -> None:
    whole = make(bits=15)  # a smaller window can be overstepped, which see below
    in_one = collect(whole)
    parts = make(bits=15)
    in_parts = collect(parts)
    for payload in payloads:
        result = read_frame(whole, [payload])
        pieces = cut(payload, data.draw(st.integers(1, 9)))
        assert read_frame(parts, pieces) == result
        if result:
            return
        assert b"".join(in_parts) == b"".join(in_one)


@given(st.lists(PAYLOADS, min_size=1, max_size=4), st.integers(1, 300))
def test_overstepped_window_is_never_misread(messages: list[bytes], size: int) -> None:
    sender, receiver = make(bits=15), make(bits=8)
    got = collect(receiver)
    for message in messages:
        result = read_frame(receiver, cut(sender.compress(message), size))
        if result is CloseReason.INVALID_FRAME_PAYLOAD_DATA:
            assert message.startswith(b"".join(got))
            return
        assert b"".join(got) == message
        got.clear()


def test_without_context_takeover_a_message_may_not_refer_to_an_earlier_one() -> None:
    sender = make(Deflate(context_takeover=True))
    receiver = make(Deflate(context_takeover=False))
    noise = os.urandom(200)
    assert inflate(receiver, sender.compress(noise)) == noise
    assert inflate(receiver, sender.compress(noise)) is CloseReason.INVALID_FRAME_PAYLOAD_DATA


def test_without_context_takeover_equal_messages_look_equal() -> None:
    sender = make(Deflate(context_takeover=False))
    noise = os.urandom(200)
    assert sender.compress(noise) == sender.compress(noise)


def test_row_35_after_reset_the_next_message_refers_to_nothing_earlier() -> None:
    sender = make(Deflate())
    noise = os.urandom(200)
    first = sender.compress(noise)
    assert len(sender.compress(noise)) < 50
    sender.reset_compressor()
    assert sender.compress(noise) == first


def test_broadcast_compressed_elsewhere_leaves_the_connection_readable() -> None:
    sender, receiver = make(), make()
    message = b"all that was said " * 5
    for _ in range(3):
        assert inflate(receiver, sender.compress(message)) == message
        assert inflate(receiver, make().compress(message)) == message
        sender.reset_compressor()


# Bounds


def bomb(megabytes: int) -> bytes:
    return deflated(bytes(megabytes << 20))


@pytest.mark.parametrize("size", [0, 1, STEP - 1, STEP, STEP + 1, 3 * STEP, 50 * STEP + 7])
def test_sink_gets_pieces_of_at_most_a_step_and_never_an_empty_one(size: int) -> None:
    for message in (bytes(size), os.urandom(size)):
        extension = make()
        got = collect(extension)
        assert read_frame(extension, [deflated(message)]) == b""
        assert b"".join(got) == message
        assert all(0 < len(piece) <= STEP for piece in got)


@given(st.integers(0, 5), st.integers(-2, 2), st.booleans())
def test_output_that_zlib_holds_back_is_asked_for(steps: int, more: int, split: bool) -> None:
    message = bytes(max(0, steps * STEP + more))
    extension = make()
    got = collect(extension)
    payload = deflated(message)
    assert extension.frame_inbound_header(PROTO, Opcode.BINARY, RSV1, len(payload)) == RSV1
    for piece in cut(payload, 1) if split else [payload]:
        assert extension.frame_inbound_payload_data(PROTO, piece) == b""
    # Not even the last octet waits for the end of the message.
    assert b"".join(got) == message


@pytest.mark.parametrize("pieces", [1, 1000])
def test_hazard_11_inflation_is_bounded(pieces: int) -> None:
    payload = bomb(64)
    chunks = cut(payload, len(payload) // pieces + 1)
    limit = 1 << 20
    extension = make()
    got = bytearray()

    def sink(piece: bytes) -> None:
        if len(got) + len(piece) > limit:
            raise MessageTooBig(len(got) + len(piece), limit)
        got.extend(piece)

    extension.sink = sink
    tracemalloc.start()
    try:
        with pytest.raises(MessageTooBig):
            read_frame(extension, chunks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert limit - STEP < len(got) <= limit
    assert peak <= limit + (256 << 10)


def test_hazard_11_what_the_extension_itself_holds_does_not_grow_with_the_message() -> None:
    payload = bomb(64)
    extension = make()
    count = 0

    def sink(piece: bytes) -> None:
        nonlocal count
        count += len(piece)

    extension.sink = sink
    tracemalloc.start()
    try:
        assert read_frame(extension, [payload]) == b""
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 64 << 20
    assert peak <= 128 << 10


def test_inflation_stops_within_the_step_that_the_sink_refused() -> None:
    extension = make()
    calls = 0

    def sink(piece: bytes) -> None:
        nonlocal calls
        calls += 1
        raise MessageTooBig(len(piece), 0)

    extension.sink = sink
    with pytest.raises(MessageTooBig):
        read_frame(extension, [bomb(1)])
    assert calls == 1


# Other implementations


@given(CONFIGS, st.lists(FRAGMENTS, max_size=3))
def test_websockets_reads_what_is_sent(config: Deflate, messages: list[list[bytes]]) -> None:
    forgets = not config.context_takeover
    peer = TheirDeflate(forgets, forgets, config.window_bits, config.window_bits)
    sender = make(config)
    for fragments in messages:
        got = b""
        for index, fragment in enumerate(fragments):
            opcode = Opcode.CONTINUATION if index else Opcode.BINARY
            fin = index == len(fragments) - 1
            rsv, payload = sender.frame_outbound(PROTO, opcode, PLAIN, fragment, fin)
            got += peer.decode(TheirFrame(TheirOpcode(opcode), payload, fin, rsv.rsv1)).data
        assert got == b"".join(fragments)


@given(CONFIGS, st.lists(FRAGMENTS, max_size=3))
def test_what_websockets_sends_is_read(config: Deflate, messages: list[list[bytes]]) -> None:
    forgets = not config.context_takeover
    peer = TheirDeflate(forgets, forgets, config.window_bits, config.window_bits)
    receiver = make(config)
    for fragments in messages:
        got = collect(receiver)
        for index, fragment in enumerate(fragments):
            opcode = Opcode.CONTINUATION if index else Opcode.BINARY
            fin = index == len(fragments) - 1
            frame = peer.encode(TheirFrame(TheirOpcode(opcode), fragment, fin))
            rsv = RsvBits(frame.rsv1, False, False)
            assert read_frame(receiver, [bytes(frame.data)], opcode=opcode, rsv=rsv, fin=fin) == b""
        assert b"".join(got) == b"".join(fragments)


def enabled_wsproto_deflate() -> WsprotoDeflate:
    extension = WsprotoDeflate()
    extension.finalize(NAME)
    return extension


@given(st.lists(st.tuples(PAYLOADS, st.booleans()), max_size=8), st.booleans())
def test_stands_behind_wsprotos_frame_protocol(
    fragments: list[tuple[bytes, bool]], client: bool
) -> None:
    ours = make(bits=15)
    got = collect(ours)
    us = FrameProtocol(client=client, extensions=[ours])
    peer = FrameProtocol(client=not client, extensions=[enabled_wsproto_deflate()])
    for payload, fin in [*fragments, (b"last", True)]:
        us.receive_bytes(bytes(peer.send_data(payload, fin)))
        frames = list(us.received_frames())
        assert [(frame.payload, frame.message_finished) for frame in frames] == [(b"", fin)]
        peer.receive_bytes(bytes(us.send_data(payload, fin)))
        frames = list(peer.received_frames())
        assert frames[-1].message_finished is fin
        if fin:
            assert b"".join(got).endswith(payload)
    assert b"".join(got) == b"".join(payload for payload, _ in fragments) + b"last"


def test_wsproto_fails_with_1007_what_does_not_inflate() -> None:
    decoder = FrameDecoder(client=True, extensions=[make()])
    decoder.receive_bytes(b"\xc2\x02\xff\xff")
    with pytest.raises(ParseFailed, match="error in extension") as caught:
        decoder.process_buffer()
    assert caught.value.code is CloseReason.INVALID_FRAME_PAYLOAD_DATA


def test_there_is_nothing_left_to_negotiate_through_wsproto() -> None:
    assert make().enabled()
    assert make().offer() is False
    assert PerMessageDeflate.name == NAME == "permessage-deflate"
