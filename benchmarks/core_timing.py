"""One timing of the core, by pyperf: `python -m benchmarks.core_timing decode 32 rawws`.

The server's side of both libraries in their public verbs: a masked frame is received and its
events are taken, or a message is sent and its bytes are taken. Both have only one frame in
hand, and all of it.

pyperf starts this module again for each process that measures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage
from wsproto.frame_protocol import XorMaskerSimple

from rawws import ClientProtocol, ServerProtocol
from rawws.core.encoder import encode_frame
from rawws.core.masking import apply_mask
from rawws.core.opcodes import BINARY, FIN

MASK = b"\x37\xfa\x21\x3d"

Work = Callable[[], object]


def work(what: str, size: int, contestant: str) -> Work:
    """What is timed: one frame decoded or encoded, or one payload masked.

    Args:
        what: "decode", "encode" or "mask".
        size: bytes of payload.
        contestant: one of that kind of work.
    """
    return WORK[what][contestant](bytes(range(256)) * (size // 256) + bytes(range(size % 256)))


def _open(fast_lane: bool = True) -> ServerProtocol:
    protocol = ServerProtocol(fast_lane=fast_lane)
    protocol.receive_data(ClientProtocol("ws://localhost/").data_to_send())
    list(protocol.events())
    protocol.accept()
    protocol.data_to_send()
    return protocol


def _decode(protocol: ServerProtocol | Connection, payload: bytes) -> Work:
    frame = encode_frame(FIN | BINARY, payload, MASK)

    def decode() -> object:
        protocol.receive_data(frame)
        return [event.data for event in protocol.events()]

    return decode


def _encode_rawws(payload: bytes) -> Work:
    protocol = _open()

    def encode() -> object:
        protocol.send_message(payload)
        return protocol.data_to_send()

    return encode


def _encode_wsproto(payload: bytes) -> Work:
    connection = Connection(ConnectionType.SERVER)
    return lambda: connection.send(BytesMessage(payload))


def _mask_rawws(payload: bytes) -> Work:
    return lambda: apply_mask(payload, MASK)


WORK: dict[str, dict[str, Callable[[bytes], Work]]] = {
    "decode": {
        "rawws": lambda payload: _decode(_open(), payload),
        "rawws-lane-off": lambda payload: _decode(_open(fast_lane=False), payload),
        "wsproto": lambda payload: _decode(Connection(ConnectionType.SERVER), payload),
    },
    "encode": {
        "rawws": _encode_rawws,
        "wsproto": _encode_wsproto,
    },
    "mask": {
        "rawws": _mask_rawws,
        "rawws-pure": _mask_rawws,  # in an environment with RAWWS_PURE=1
        # It counts where it is in the frame, so each frame has one of its own.
        "wsproto": lambda payload: lambda: XorMaskerSimple(MASK).process(payload),
    },
}


def main() -> None:
    import pyperf  # the benchmarks' own: tests have to do without

    def pass_on(command: list[str], options: argparse.Namespace) -> None:
        command += [options.what, str(options.size), options.contestant]

    runner = pyperf.Runner(program_args=("-m", "benchmarks.core_timing"), add_cmdline_args=pass_on)
    runner.argparser.add_argument("what", choices=WORK)
    runner.argparser.add_argument("size", type=int)
    runner.argparser.add_argument("contestant")
    options = runner.parse_args()
    timed = work(options.what, options.size, options.contestant)
    runner.bench_func(f"{options.what} {options.size} {options.contestant}", timed)


if __name__ == "__main__":
    main()
