"""Close codes and the payload of Close frames [5.5.1, 7.4]."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawws.core.close import (
    MAX_REASON,
    Close,
    clip_reason,
    decode_close,
    encode_close,
    is_wire_code,
)
from rawws.core.errors import LocalProtocolError, RemoteProtocolError

# Written out, for the module's own arithmetic must not prove itself.
ON_THE_WIRE = frozenset(
    {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} | {*range(3000, 5000)}
)


def test_all_65536_codes_are_told_apart() -> None:
    assert {code for code in range(65536) if is_wire_code(code)} == ON_THE_WIRE


def test_all_65536_codes_are_sent_or_refused() -> None:
    for code in range(65536):
        if code in ON_THE_WIRE:
            assert encode_close(code, "why") == code.to_bytes(2) + b"why"
        else:
            with pytest.raises(LocalProtocolError) as caught:
                encode_close(code, "why")
            assert str(caught.value).startswith(f"close code {code} may not be sent")


def test_all_65536_codes_are_received_or_owed_1002() -> None:
    for code in range(65536):
        payload = code.to_bytes(2) + b"why"
        if code in ON_THE_WIRE:
            assert decode_close(payload) == (code, "why")
        else:
            with pytest.raises(RemoteProtocolError) as caught:
                decode_close(payload)
            assert f"reserved code {code} " in str(caught.value)
            assert caught.value.code == 1002


@pytest.mark.parametrize("code", [1012, 1013, 1014])
def test_hazard_17_codes_that_iana_added_are_accepted(code: int) -> None:
    assert decode_close(encode_close(code)) == (code, "")


@pytest.mark.parametrize("code", [-1, 0, 5, 999, 1005, 5000, 70000, 10**9, True, "1000", 1000.0])
def test_hazard_17_what_is_no_code_is_refused(code: int) -> None:
    with pytest.raises(LocalProtocolError, match="may not be sent"):
        encode_close(code)


def test_close_without_code_is_an_empty_payload() -> None:
    assert encode_close(None) == b""
    assert decode_close(b"") == (1005, "")


def test_reason_without_code_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="'bye' needs a close code"):
        encode_close(None, "bye")


@pytest.mark.parametrize("reason", ["x" * 123, "ü" * 61 + "x", "\U0001f600" * 30 + "xyz"])
def test_reason_of_123_bytes_fits(reason: str) -> None:
    payload = encode_close(1000, reason)
    assert len(payload) == 125
    assert decode_close(payload) == (1000, reason)


@pytest.mark.parametrize("reason", ["x" * 124, "ü" * 62])
def test_reason_of_124_bytes_is_refused(reason: str) -> None:
    with pytest.raises(LocalProtocolError, match="reason of 124 bytes, 123 allowed"):
        encode_close(1000, reason)


@pytest.mark.parametrize("reason", ["\ud800", "a\udfffb", b"bytes", 5])
def test_hazard_20_reason_that_utf8_does_not_have_is_refused(reason: str) -> None:
    with pytest.raises(LocalProtocolError, match="is not text that UTF-8 has"):
        encode_close(1000, reason)


@pytest.mark.parametrize("octet", [b"\x00", b"\x03", b"\xff"])
def test_half_a_code_is_owed_1002(octet: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="half a close code") as caught:
        decode_close(octet)
    assert caught.value.code == 1002


@pytest.mark.parametrize("reason", [b"\xff", b"ok\xc3", b"\xed\xa0\x80", b"\xc0\x80"])
def test_reason_that_is_not_utf8_is_owed_1007(reason: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="not UTF-8") as caught:
        decode_close(b"\x03\xe8" + reason)
    assert caught.value.code == 1007


def test_code_is_judged_before_the_reason() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_close(b"\x03\xed\xff")
    assert caught.value.code == 1002


@given(st.binary(max_size=125))
def test_any_payload_is_decoded_or_owed_1002_or_1007(payload: bytes) -> None:
    owed = None
    try:
        code, reason = decode_close(payload)
    except RemoteProtocolError as error:
        owed = error.code
    if owed is None:
        assert encode_close(code if payload else None, reason) == payload
    else:
        assert owed in {1002, 1007}


@given(st.text(st.characters(codec=None), max_size=200))
def test_clipped_reason_always_fits(reason: str) -> None:
    clipped = clip_reason(reason)
    encode_close(1000, clipped)
    whole = reason.encode(errors="replace")
    assert whole.startswith(clipped.encode())
    # Never more is cut than one character begun.
    assert len(clipped.encode()) >= min(len(whole), MAX_REASON - 3)


@pytest.mark.parametrize(
    ("reason", "clipped"),
    [
        ("", ""),
        ("x" * 123, "x" * 123),
        ("x" * 124, "x" * 123),
        ("x" * 122 + "ü", "x" * 122),
        ("x" * 121 + "€", "x" * 121),
        ("\ud800", "?"),
    ],
)
def test_reason_is_cut_at_a_character(reason: str, clipped: str) -> None:
    assert clip_reason(reason) == clipped


def test_close_is_a_value_with_defaults() -> None:
    assert Close(1000) == Close(1000, "", "local") != Close(1000, "", "remote")
