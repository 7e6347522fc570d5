"""permessage-deflate in the handshake: offers, answers, and what is refused [RFC 7692 7.1]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    ServerPerMessageDeflateFactory,
)
from wsproto.frame_protocol import FrameDecoder, Opcode, RsvBits

from rawws.core.deflate import NAME, Deflate, PerMessageDeflate
from rawws.core.deflate_negotiation import accept_answer, accept_offers, offer
from rawws.core.errors import RemoteProtocolError
from rawws.core.extensions import Parameters, parse_extensions

CONFIGS = st.builds(
    Deflate, window_bits=st.integers(9, 15), context_takeover=st.booleans(), level=st.just(1)
)
BITS = ["server_max_window_bits", "client_max_window_bits"]
FLAGS = ["server_no_context_takeover", "client_no_context_takeover"]
NOT_BITS = [
    *("7", "16", "0", "1", "100", "abc", "1_0", "+9", "-9", "09", "008", "9.0", "0x9", "1e1", "٩"),
    pytest.param("9" * 5000, id="5000 digits"),
]
ANYTHING = st.lists(
    st.tuples(
        st.sampled_from([*BITS, *FLAGS, "x", "server_max_window", "SERVER_MAX_WINDOW_BITS"]),
        st.none() | st.sampled_from(["8", "9", "10", "15", "16", "010", "", "x"]),
    ),
    max_size=4,
)


def terms(extension: PerMessageDeflate) -> tuple[int, bool, int, bool]:
    return (
        extension.inbound_bits,
        extension.inbound_takeover,
        extension.outbound_bits,
        extension.outbound_takeover,
    )


def answer_to(offers: str, config: Deflate | None = None) -> str | None:
    accepted = accept_offers(config or Deflate(), parse_extensions(offers))
    return accepted and accepted[1]


def carries(sender: PerMessageDeflate, receiver: PerMessageDeflate) -> bool:
    """Whether two messages get across, the second referring to the first."""
    proto = FrameDecoder(client=True, extensions=[])
    for message in [bytes(range(256)) * 300] * 2:
        got: list[bytes] = []
        receiver.sink = got.append
        payload = sender.compress(message)
        rsv = RsvBits(True, False, False)
        receiver.frame_inbound_header(proto, Opcode.BINARY, rsv, len(payload))
        receiver.frame_inbound_payload_data(proto, payload)
        receiver.frame_inbound_complete(proto, True)
        if b"".join(got) != message:
            return False
    return True


# The offer


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            Deflate(),
            "permessage-deflate; client_max_window_bits=11; server_max_window_bits=11, "
            "permessage-deflate; client_max_window_bits=11",
        ),
        (Deflate(window_bits=15), "permessage-deflate; client_max_window_bits=15"),
        (
            Deflate(window_bits=9, context_takeover=False),
            "permessage-deflate; client_max_window_bits=9; server_no_context_takeover; "
            "client_no_context_takeover; server_max_window_bits=9, "
            "permessage-deflate; client_max_window_bits=9; server_no_context_takeover; "
            "client_no_context_takeover",
        ),
    ],
)
def test_client_offers_its_window_first_and_falls_back(config: Deflate, expected: str) -> None:
    assert offer(config) == expected


# The server


@pytest.mark.parametrize(
    ("offered", "answer", "agreed"),
    [
        ("", "; server_max_window_bits=11", (15, True, 11, True)),
        (
            "; client_max_window_bits",
            "; server_max_window_bits=11; client_max_window_bits=11",
            (11, True, 11, True),
        ),
        (
            "; client_max_window_bits=15",
            "; server_max_window_bits=11; client_max_window_bits=11",
            (11, True, 11, True),
        ),
        (
            "; client_max_window_bits=9; server_max_window_bits=10",
            "; server_max_window_bits=10; client_max_window_bits=9",
            (9, True, 10, True),
        ),
        ('; server_max_window_bits="12"', "; server_max_window_bits=11", (15, True, 11, True)),
        (
            "; server_no_context_takeover",
            "; server_no_context_takeover; server_max_window_bits=11",
            (15, True, 11, False),
        ),
        (
            "; client_no_context_takeover",
            "; client_no_context_takeover; server_max_window_bits=11",
            (15, False, 11, True),
        ),
    ],
)
def test_server_answers_what_it_agrees_to(
    offered: str, answer: str, agreed: tuple[int, bool, int, bool]
) -> None:
    accepted = accept_offers(Deflate(), parse_extensions(NAME + offered))
    assert accepted is not None
    assert accepted[1] == NAME + answer
    assert terms(accepted[0]) == agreed


def test_server_without_context_takeover_asks_both_sides_to_forget() -> None:
    accepted = accept_offers(Deflate(context_takeover=False), [(NAME, [])])
    assert accepted is not None
    assert accepted[1] == (
        f"{NAME}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11"
    )
    assert terms(accepted[0]) == (15, False, 11, False)


def test_hazard_10_window_of_8_bits_is_accepted() -> None:
    accepted = accept_offers(
        Deflate(),
        parse_extensions(f"{NAME}; server_max_window_bits=8; client_max_window_bits=8"),
    )
    assert accepted is not None
    assert accepted[1] == f"{NAME}; server_max_window_bits=8; client_max_window_bits=8"
    assert terms(accepted[0]) == (8, True, 8, True)


@pytest.mark.parametrize(
    "parameters",
    [
        *("x", "x=1", "server_max_window", "client_max_window_bits_", "Client_Max_Window_Bits"),
        *("server_max_window_bits", "server_max_window_bits=10; server_max_window_bits=10"),
        *("client_max_window_bits; client_max_window_bits=10",),
        *("server_no_context_takeover; server_no_context_takeover",),
        *("server_no_context_takeover=1", "client_no_context_takeover=true"),
        "client_no_context_takeover; x",
    ],
)
def test_hazard_9_offer_that_cannot_be_read_is_declined(parameters: str) -> None:
    assert answer_to(f"{NAME}; {parameters}") is None


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("value", NOT_BITS)
def test_hazard_9_window_bits_that_are_none_are_declined(name: str, value: str) -> None:
    assert accept_offers(Deflate(), [(NAME, [(name, value)])]) is None


def test_hazard_9_quoted_window_bits_are_read() -> None:
    assert answer_to(f'{NAME}; client_max_window_bits="10"') == (
        f"{NAME}; server_max_window_bits=11; client_max_window_bits=10"
    )


@given(st.lists(ANYTHING, max_size=4), CONFIGS)
def test_hazard_10_declined_offer_leaves_nothing_for_the_next(
    declined: list[Parameters], config: Deflate
) -> None:
    bad = [(NAME, [*parameters, ("x", None)]) for parameters in declined]
    good: list[tuple[str, Parameters]] = [(NAME, [("client_max_window_bits", None)])]
    alone, after = accept_offers(config, good), accept_offers(config, bad + good)
    assert alone is not None
    assert after is not None
    assert after[1] == alone[1]
    assert terms(after[0]) == terms(alone[0])


def test_first_acceptable_offer_is_taken() -> None:
    offers = f"{NAME}; x, {NAME}; server_max_window_bits=9, {NAME}; server_max_window_bits=10"
    assert answer_to(offers) == f"{NAME}; server_max_window_bits=9"


@pytest.mark.parametrize(
    "offers", ["x-webkit-deflate-frame", "permessage-bzip2; a=1", "permessage-deflate-2", "Foo"]
)
def test_other_extensions_are_passed_over(offers: str) -> None:
    assert answer_to(offers) is None
    assert answer_to(f"{offers}, {NAME}") == f"{NAME}; server_max_window_bits=11"


def test_no_offers_no_answer() -> None:
    assert accept_offers(Deflate(), []) is None


# The client


@pytest.mark.parametrize(
    ("answer", "agreed"),
    [
        ("", (15, True, 11, True)),
        ("; server_max_window_bits=11", (11, True, 11, True)),
        ("; server_max_window_bits=8; client_max_window_bits=8", (8, True, 8, True)),
        ("; server_max_window_bits=15", (15, True, 11, True)),
        ("; client_max_window_bits=11", (15, True, 11, True)),
        ("; client_max_window_bits=15", (15, True, 11, True)),
        ("; server_no_context_takeover", (15, False, 11, True)),
        ("; client_no_context_takeover", (15, True, 11, False)),
    ],
)
def test_client_takes_on_what_was_answered(
    answer: str, agreed: tuple[int, bool, int, bool]
) -> None:
    [(_, parameters)] = parse_extensions(NAME + answer)
    assert terms(accept_answer(Deflate(), parameters)) == agreed


def test_client_without_context_takeover_forgets_unasked() -> None:
    config = Deflate(context_takeover=False)
    extension = accept_answer(config, [("server_no_context_takeover", None)])
    assert terms(extension) == (15, False, 11, False)


@pytest.mark.parametrize("name", BITS)
@pytest.mark.parametrize("value", NOT_BITS)
def test_client_refuses_window_bits_that_are_none(name: str, value: str) -> None:
    with pytest.raises(RemoteProtocolError, match=rf"{name} with value .* 8 to 15") as caught:
        accept_answer(Deflate(), [(name, value)])
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ([("client_max_window_bits", None)], "client_max_window_bits with no value"),
        ([("server_max_window_bits", None)], "server_max_window_bits with no value"),
        ([("server_max_window_bits", "9")] * 2, "duplicate parameter 'server_max_window_bits'"),
        ([("client_no_context_takeover", None)] * 2, "duplicate parameter 'client_no_context"),
        ([("client_no_context_takeover", "1")], "client_no_context_takeover with value '1'"),
        ([("server_no_context_takeover", "")], "server_no_context_takeover with value ''"),
        ([("x\x1b", None)], r"unknown parameter 'x\\x1b'"),
        ([("server_max", "9")], "unknown parameter 'server_max'"),
    ],
)
def test_hazard_9_answer_not_in_line_with_the_offer_is_an_error_that_names_the_parameter(
    parameters: Parameters, message: str
) -> None:
    with pytest.raises(RemoteProtocolError, match=message):
        accept_answer(Deflate(), parameters)


@pytest.mark.parametrize("parameters", [[], [("client_no_context_takeover", None)]])
def test_answer_without_the_takeover_asked_for_is_an_error(parameters: Parameters) -> None:
    with pytest.raises(RemoteProtocolError, match="without server_no_context_takeover"):
        accept_answer(Deflate(context_takeover=False), parameters)


# Both


@given(CONFIGS, CONFIGS)
def test_client_and_server_come_to_the_same_terms(client: Deflate, server: Deflate) -> None:
    accepted = accept_offers(server, parse_extensions(offer(client)))
    assert accepted is not None
    there, answer = accepted
    [(name, parameters)] = parse_extensions(answer)
    assert name == NAME
    here = accept_answer(client, parameters)
    assert terms(here) == (*terms(there)[2:], *terms(there)[:2])
    assert max(there.inbound_bits, there.outbound_bits) <= client.window_bits
    assert carries(here, there)
    assert carries(there, here)


@given(ANYTHING, CONFIGS)
def test_any_answer_is_taken_or_refused(parameters: Parameters, config: Deflate) -> None:
    try:
        extension = accept_answer(config, parameters)
    except RemoteProtocolError:
        return
    assert extension.outbound_bits <= config.window_bits


@given(st.text(st.sampled_from(f'{NAME}_=;," 89x\xff') | st.characters()), CONFIGS)
def test_any_text_is_negotiated_without_another_error(text: str, config: Deflate) -> None:
    for value in (text, f"{NAME};{text}", f"{NAME}; client_max_window_bits={text}"):
        try:
            extensions = parse_extensions(value)
        except ValueError:
            continue
        accept_offers(config, extensions)
        for _, parameters in extensions:
            try:
                accept_answer(config, parameters)
            except RemoteProtocolError:
                pass


@given(CONFIGS, st.none() | st.integers(9, 15), st.none() | st.booleans() | st.integers(9, 15))
def test_websockets_client_agrees(
    config: Deflate, server_bits: int | None, client_bits: int | bool | None
) -> None:
    factory = ClientPerMessageDeflateFactory(
        server_max_window_bits=server_bits, client_max_window_bits=client_bits or None
    )
    accepted = accept_offers(config, [(NAME, list(factory.get_request_params()))])
    assert accepted is not None
    ours, answer = accepted
    [(_, parameters)] = parse_extensions(answer)
    theirs = factory.process_response_params(parameters, [])
    assert terms(ours) == (
        theirs.local_max_window_bits,
        not theirs.local_no_context_takeover,
        theirs.remote_max_window_bits,
        not theirs.remote_no_context_takeover,
    )


@given(CONFIGS, st.none() | st.integers(9, 15), st.none() | st.integers(9, 15))
def test_websockets_server_agrees(
    config: Deflate, server_bits: int | None, client_bits: int | None
) -> None:
    factory = ServerPerMessageDeflateFactory(
        server_max_window_bits=server_bits, client_max_window_bits=client_bits
    )
    offers = parse_extensions(offer(config))
    answer, theirs = factory.process_request_params(offers[0][1], [])
    ours = accept_answer(config, answer)
    assert terms(ours) == (
        theirs.local_max_window_bits,
        not theirs.local_no_context_takeover,
        # Without client_max_window_bits in its answer it is ready for the largest.
        min(config.window_bits, theirs.remote_max_window_bits),
        not theirs.remote_no_context_takeover,
    )
