"""permessage-deflate: what client and server agree on in the handshake [RFC 7692 7.1].

There are four parameters. Two bound the window that a side compresses with, so that the
other needs no larger one to decompress: `server_max_window_bits` and
`client_max_window_bits`, 8 to 15. Two have a side forget its window between messages:
`server_no_context_takeover` and `client_no_context_takeover`.

The client makes offers, the best first. The server declines those it cannot read or does
not know, and answers the first that is left; the answer is what holds. A client that finds
in the answer what its offer does not allow fails the connection.

Parameters are read whole, into a fresh `_Terms` for each offer, before any is acted upon;
so nothing of a declined offer is left for the next.
"""

from __future__ import annotations

from .deflate import NAME, Deflate, PerMessageDeflate
from .errors import RemoteProtocolError
from .extensions import Parameters
from .fields import quote

_MAX_BITS = 15
_BITS = {str(bits): bits for bits in range(8, _MAX_BITS + 1)}


class _Terms:
    """One offer or answer. Window bits: `None` not mentioned, 0 mentioned without a value."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int | None = None
    client_max_window_bits: int | None = None


def offer(config: Deflate) -> str:
    """The client's Sec-WebSocket-Extensions value.

    A server that cannot bound its window has to decline an offer that asks for it
    [7.1.2.1], so then there is a second one, which does not.
    """
    plain = f"{NAME}; client_max_window_bits={config.window_bits}"
    if not config.context_takeover:
        plain += "; server_no_context_takeover; client_no_context_takeover"
    if config.window_bits == _MAX_BITS:
        return plain
    return f"{plain}; server_max_window_bits={config.window_bits}, {plain}"


def accept_offers(
    config: Deflate, offers: list[tuple[str, Parameters]]
) -> tuple[PerMessageDeflate, str] | None:
    """The server's answer to a client's Sec-WebSocket-Extensions.

    Args:
        config: what this server wants.
        offers: what the client offers; other extensions are passed over.

    Returns:
        The extension and the header value that answers the first acceptable offer, or
        `None` if there is none.
    """
    for name, parameters in offers:
        if name != NAME:
            continue
        try:
            terms = _read(parameters, bare_bits=("client_max_window_bits",))
        except ValueError:
            continue
        return _agree(config, terms)
    return None


def _agree(config: Deflate, asked: _Terms) -> tuple[PerMessageDeflate, str]:
    server_bits = min(config.window_bits, asked.server_max_window_bits or _MAX_BITS)
    client_bits = _MAX_BITS
    if asked.client_max_window_bits is not None:
        client_bits = min(config.window_bits, asked.client_max_window_bits or _MAX_BITS)
    server_forgets = asked.server_no_context_takeover or not config.context_takeover
    client_forgets = asked.client_no_context_takeover or not config.context_takeover

    answer = NAME
    if server_forgets:
        answer += "; server_no_context_takeover"
    if client_forgets:
        answer += "; client_no_context_takeover"
    answer += f"; server_max_window_bits={server_bits}"
    if asked.client_max_window_bits is not None:
        answer += f"; client_max_window_bits={client_bits}"
    extension = PerMessageDeflate(
        config,
        inbound_bits=client_bits,
        inbound_takeover=not client_forgets,
        outbound_bits=server_bits,
        outbound_takeover=not server_forgets,
    )
    return extension, answer


def accept_answer(config: Deflate, parameters: Parameters) -> PerMessageDeflate:
    """The extension as the server's answer to `offer(config)` has it.

    Any `server_max_window_bits` will do: an answer does not say which offer it is to, and
    the second leaves it to the server.

    Raises:
        RemoteProtocolError: the answer is malformed, or not in line with the offer.
    """
    try:
        terms = _read(parameters, bare_bits=())
    except ValueError as error:
        raise RemoteProtocolError(f"{NAME} was answered with {error}") from None
    # What we offered was a hint [7.1.2.2]: a server may allow more, and we still use no more.
    client_bits = min(terms.client_max_window_bits or _MAX_BITS, config.window_bits)
    if not config.context_takeover and not terms.server_no_context_takeover:
        raise RemoteProtocolError(
            f"{NAME} was answered without server_no_context_takeover, asked for [7.1.1.1]"
        )
    return PerMessageDeflate(
        config,
        inbound_bits=terms.server_max_window_bits or _MAX_BITS,
        inbound_takeover=not terms.server_no_context_takeover,
        outbound_bits=client_bits,
        outbound_takeover=config.context_takeover and not terms.client_no_context_takeover,
    )


def _read(parameters: Parameters, bare_bits: tuple[str, ...]) -> _Terms:
    """The parameters' meaning; those in `bare_bits` may come without a value.

    Raises:
        ValueError: an unknown or duplicate parameter, or a value that is none.
    """
    terms = _Terms()
    seen: set[str] = set()
    for name, value in parameters:
        if name in seen:
            raise ValueError(f"duplicate parameter {quote(name)} [7.1]")
        seen.add(name)
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            if value is not None:
                raise ValueError(f"{name} with value {quote(value)}, where none belongs [7.1.1]")
            setattr(terms, name, True)
        elif name in ("server_max_window_bits", "client_max_window_bits"):
            if value is None and name in bare_bits:
                setattr(terms, name, 0)
            elif value in _BITS:
                setattr(terms, name, _BITS[value])
            else:
                given = "no value" if value is None else f"value {quote(value)}"
                raise ValueError(f"{name} with {given}, where 8 to 15 belongs [7.1.2]")
        else:
            raise ValueError(f"unknown parameter {quote(name)} [7.1]")
    return terms
