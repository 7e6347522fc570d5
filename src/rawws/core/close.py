"""The end of a connection: close codes, and what a Close frame carries [5.5.1, 7.4].

Which codes may stand in a Close frame is the same for both directions: those of RFC 6455
that are not reserved for local use, the three that IANA added (1012 to 1014), and the
ranges for libraries and applications, 3000 to 4999.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from .errors import LocalProtocolError, RemoteProtocolError
from .record import Record

MAX_REASON = 123  # a control frame's 125 bytes less the code [5.5]


class CloseCode(IntEnum):
    """The registered close codes [7.4.1, 11.7]."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


_NEVER_ON_THE_WIRE = {1005, 1006, 1015}
_REGISTERED = {int(code) for code in CloseCode} - _NEVER_ON_THE_WIRE


class Close(Record):
    """How a connection ended.

    Attributes:
        code: close code; 1005 when the Close frame had none, 1006 when there was no Close
            frame at all.
        reason: the text beside the code, at most 123 bytes of UTF-8.
        by: whose doing it was: "local" or "remote".
    """

    __slots__ = __match_args__ = ("code", "reason", "by")

    code: int
    reason: str
    by: Literal["local", "remote"]

    def __init__(
        self, code: int, reason: str = "", by: Literal["local", "remote"] = "local"
    ) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "by", by)


def is_wire_code(code: int) -> bool:
    """Whether `code` may stand in a Close frame, sent or received [7.4.1, 7.4.2]."""
    return code in _REGISTERED or 3000 <= code <= 4999


def encode_close(code: int | None, reason: str = "") -> bytes:
    """A Close frame's payload; `None` is a Close without code.

    Raises:
        LocalProtocolError: for what may not be sent: a reserved code, a reason without
            code, over 123 bytes of UTF-8, or not encodable.
    """
    if code is None:
        if reason:
            raise LocalProtocolError(f"close reason {reason!r} needs a close code")
        return b""
    if not isinstance(code, int) or not is_wire_code(code):
        raise LocalProtocolError(
            f"close code {code!r} may not be sent: 1000 to 1014 without 1004, 1005 and 1006, "
            "or 3000 to 4999"
        )
    try:
        text = reason.encode()
    except (UnicodeEncodeError, AttributeError):
        raise LocalProtocolError(f"close reason {reason!r} is not text that UTF-8 has") from None
    if len(text) > MAX_REASON:
        raise LocalProtocolError(f"close reason of {len(text)} bytes, {MAX_REASON} allowed")
    return code.to_bytes(2) + text


def clip_reason(reason: str) -> str:
    """`reason` cut, at a character, to what a Close frame can carry."""
    return reason.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")


def decode_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a received Close frame; `(1005, "")` for an empty one [7.1.5].

    Raises:
        RemoteProtocolError: 1002 for one byte or a code that may not be on the wire,
            1007 for a reason that is not UTF-8.
    """
    if not payload:
        return CloseCode.NO_STATUS_RECEIVED.value, ""
    if len(payload) == 1:
        raise RemoteProtocolError("Close frame with half a close code [5.5.1]")
    code = int.from_bytes(payload[:2])
    if not is_wire_code(code):
        raise RemoteProtocolError(f"Close frame with reserved code {code} [7.4]")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise RemoteProtocolError("close reason is not UTF-8 [5.5.1]", 1007) from None
