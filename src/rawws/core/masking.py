"""Masking: each octet of a payload XOR an octet of the four-octet mask, in turn [5.3].

Masking twice gives back what was there, so the one function serves both ways. `apply_mask` is
in C where rawws was built with a compiler, unless RAWWS_PURE is set in the environment (to
anything but 0); otherwise it is `apply_mask_in_python`, with the same results.

Python has two fast ways to XOR. Small data as one integer: the fewest steps. Large data by
four lanes, each of the octets that share an octet of the mask, translated by a table: more
steps, and about half the time per octet. They meet around 600 octets.
"""

from __future__ import annotations

import os
from collections.abc import Callable

Mask = Callable[[bytes | bytearray | memoryview, bytes], bytes]

_in_c: Mask | None
try:
    from .._speedups import apply_mask as _in_c
except ImportError:  # it was built without a compiler
    _in_c = None

_SMALL = 600
_to_int = int.from_bytes  # looked up once: a third of the time of a small call
_EVERY = _to_int(bytes(range(256)))
_XOR = [(_EVERY ^ _to_int(bytes([octet]) * 256)).to_bytes(256) for octet in range(256)]


def apply_mask_in_python(data: bytes | bytearray | memoryview, mask: bytes) -> bytes:
    """`data` masked, or unmasked [5.3].

    To go on in the middle of a frame, rotate the mask: after `n` bytes it is
    `mask[n % 4:] + mask[:n % 4]`.

    Args:
        data: left as it is; a memoryview must be one of bytes.
        mask: 4 bytes.
    """
    size = len(data)
    if size < _SMALL:
        return (_to_int(data) ^ _to_int((mask * (size // 4 + 1))[:size])).to_bytes(size)
    masked = bytearray(data)
    for lane, octet in enumerate(mask):
        masked[lane::4] = masked[lane::4].translate(_XOR[octet])
    return bytes(masked)


_wants_python = os.environ.get("RAWWS_PURE", "0") not in ("", "0")
apply_mask: Mask = apply_mask_in_python if _in_c is None or _wants_python else _in_c
