"""A message on its way in, joined as it comes.

Pieces go into one buffer, so that a million tiny fragments cost no more than their bytes.
Size is checked before a piece is kept [10.4], and text is checked piece by piece, so that
what cannot become UTF-8 any more fails at once [8.1].
"""

from __future__ import annotations

from codecs import utf_8_decode
from io import BytesIO

from .errors import MessageTooBig, RemoteProtocolError


def as_text(data: bytes) -> str:
    """A whole text message.

    Raises:
        RemoteProtocolError: 1007 if it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _not_utf8() -> RemoteProtocolError:
    # In the same words wherever it shows: they go to the peer, and must not tell how its
    # bytes were cut on the way.
    return RemoteProtocolError("text message is not UTF-8 [8.1]", 1007)


class Assembly:
    """One message while its frames arrive.

    Args:
        text: whether it is to be UTF-8.
        limit: bytes that it may have in the end, `None` for any.
        compressed: whether the frames' payloads are deflated.
    """

    __slots__ = ("_allowance", "_checked", "_kept", "_limit", "_size", "fragments", "text")

    def __init__(self, *, text: bool, limit: int | None, compressed: bool = False) -> None:
        self.text = text
        self.fragments = 0
        self._limit = limit
        self._size = 0
        # What may come on the wire. Deflate adds little to what it cannot shrink, and empty
        # blocks without end are no message.
        self._allowance = limit
        if compressed and limit is not None:
            self._allowance = limit + limit // 8 + 1024
        self._kept: BytesIO | None = BytesIO()
        self._checked = 0  # bytes of _kept that are known to be whole characters

    def expect(self, length: int) -> None:
        """Account for a frame of `length` bytes from its header alone.

        Raises:
            MessageTooBig: if the message would be larger than allowed.
        """
        if self._limit is not None and self._allowance is not None:
            if length > self._allowance:
                raise MessageTooBig(self._size + length, self._limit)
            self._allowance -= length

    def add(self, piece: bytes) -> None:
        """Take the next bytes of the message, unmasked and inflated.

        Raises:
            MessageTooBig: if the message gets larger than allowed.
            RemoteProtocolError: 1007 if it cannot become UTF-8 any more.
        """
        self._size += len(piece)
        excess = 0 if self._limit is None else self._size - self._limit
        if self._kept is not None:
            self._kept.write(piece[:-excess] if excess > 0 else piece)
            if self.text:
                self._check()
        if excess > 0 and self._limit is not None:
            raise MessageTooBig(self._limit + 1, self._limit)  # however long the piece was

    def discard(self) -> None:
        """Keep nothing of this message, neither what came nor what will."""
        self._kept = None

    @property
    def discarded(self) -> bool:
        return self._kept is None

    def take(self) -> str | bytes:
        """What has come since the last `take`; text up to the last whole character."""
        assert self._kept is not None
        data = self._kept.getvalue()
        if not self.text:
            self._kept = BytesIO()
            return data
        self._kept = BytesIO()
        self._kept.write(data[self._checked :])
        text = data[: self._checked].decode()
        self._checked = 0
        return text

    def finish(self) -> str | bytes:
        """The whole message, or what has come since the last `take`.

        Raises:
            RemoteProtocolError: 1007 if text ends within a character.
        """
        assert self._kept is not None
        data = self._kept.getvalue()
        return as_text(data) if self.text else data

    def _check(self) -> None:
        assert self._kept is not None
        self._kept.seek(self._checked)
        fresh = self._kept.read()
        try:
            _, whole = utf_8_decode(fresh, "strict", False)
        except UnicodeDecodeError:
            raise _not_utf8() from None
        # Python's decoder waits for the third byte of a surrogate; two are enough.
        if len(fresh) - whole >= 2 and fresh[whole] == 0xED and fresh[whole + 1] >= 0xA0:
            raise _not_utf8()
        self._checked += whole
