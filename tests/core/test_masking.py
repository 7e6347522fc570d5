"""Masking: every size the same as octet by octet [5.3], in C as in Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import XorMaskerSimple

from rawws.core import masking
from rawws.core.masking import Mask, apply_mask, apply_mask_in_python

MASKS = st.binary(min_size=4, max_size=4)


@pytest.fixture(scope="session")
def in_c(require: Callable[[str], str]) -> Mask:
    """The form in C. Where it can be built it has to be there."""
    if find_spec("rawws._speedups") is None:
        needed = [require("cc"), require("python3-config")]
        pytest.fail(f"rawws was built without _speedups, although there is {needed}")
    from rawws._speedups import apply_mask

    return apply_mask


@pytest.fixture(params=["python", "c"])
def form(request: pytest.FixtureRequest) -> Mask:
    if request.param == "python":
        return apply_mask_in_python
    found: Mask = request.getfixturevalue("in_c")
    return found


def naive(data: bytes, mask: bytes) -> bytes:
    return bytes(octet ^ mask[index % 4] for index, octet in enumerate(data))


def test_rfc_example_is_masked_as_printed() -> None:
    mask = bytes.fromhex("37fa213d")
    assert apply_mask(b"Hello", mask) == bytes.fromhex("7f9f4d5158")


@pytest.mark.parametrize("size", [*range(140), *range(590, 620), 1023, 4096, 65537, 2**20 + 3])
def test_every_size_agrees_with_octet_by_octet(form: Mask, size: int) -> None:
    data, mask = os.urandom(size), os.urandom(4)
    assert form(data, mask) == naive(data, mask)


@given(st.binary(max_size=70) | st.binary(min_size=500, max_size=5000), MASKS, st.integers(0, 16))
def test_both_forms_agree_for_every_mask_at_every_alignment(
    in_c: Mask, data: bytes, mask: bytes, offset: int
) -> None:
    unaligned = memoryview(bytes(offset) + data)[offset:]
    for turn in range(4):
        turned = mask[turn:] + mask[:turn]
        assert in_c(unaligned, turned) == apply_mask_in_python(data, turned)


@pytest.mark.parametrize("mask", [b"", b"123", b"12345"])
def test_mask_of_another_length_is_refused_in_c(in_c: Mask, mask: bytes) -> None:
    with pytest.raises(ValueError, match=f"a mask has 4 bytes, not {len(mask)}"):
        in_c(b"data", mask)


def test_what_is_not_bytes_is_refused_in_c(in_c: Mask) -> None:
    with pytest.raises(TypeError, match="bytes-like"):
        in_c("text", b"mask")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="bytes-like"):
        in_c(b"data", "mask")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not 1 arguments"):
        in_c(b"data")  # type: ignore[call-arg]


@given(st.binary(max_size=2000), MASKS)
def test_agrees_with_wsproto(data: bytes, mask: bytes) -> None:
    assert apply_mask(data, mask) == XorMaskerSimple(mask).process(bytearray(data))


@given(st.binary(max_size=2000), MASKS)
def test_masking_twice_gives_back_the_data(data: bytes, mask: bytes) -> None:
    assert apply_mask(apply_mask(data, mask), mask) == data


@given(st.binary(max_size=1500), MASKS, st.integers(0, 1500))
def test_rotated_mask_goes_on_in_the_middle(data: bytes, mask: bytes, cut: int) -> None:
    first, second = data[:cut], data[cut:]
    turn = len(first) % 4
    rotated = mask[turn:] + mask[:turn]
    assert apply_mask(first, mask) + apply_mask(second, rotated) == apply_mask(data, mask)


@pytest.mark.parametrize("size", [0, 5, 5000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_of_any_kind_is_left_as_it_is_and_bytes_come_out(
    form: Mask, kind: type[bytes] | type[bytearray] | type[memoryview], size: int
) -> None:
    original = os.urandom(size)
    data = kind(bytearray(original))
    masked = form(data, b"\x01\x02\x03\x04")
    assert type(masked) is bytes
    assert masked == naive(original, b"\x01\x02\x03\x04")
    assert data == original


@pytest.mark.parametrize("size", [0, 1, 700])
def test_zero_mask_and_zero_data_change_nothing_of_each_other(form: Mask, size: int) -> None:
    data, mask = os.urandom(size), os.urandom(4)
    assert form(data, bytes(4)) == data
    assert form(bytes(size), mask) == (mask * size)[:size]


def load_anew() -> ModuleType:
    spec = spec_from_file_location("rawws.core.masking_anew", masking.__file__)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_built_without_a_compiler_it_is_the_form_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawws._speedups", None)
    module = load_anew()
    assert module.apply_mask is module.apply_mask_in_python


@pytest.mark.parametrize(
    ("value", "pure"), [(None, False), ("", False), ("0", False), ("1", True), ("yes", True)]
)
def test_environment_chooses_the_form(
    in_c: Mask, monkeypatch: pytest.MonkeyPatch, value: str | None, pure: bool
) -> None:
    if value is None:
        monkeypatch.delenv("RAWWS_PURE", raising=False)
    else:
        monkeypatch.setenv("RAWWS_PURE", value)
    module = load_anew()
    assert module.apply_mask is (module.apply_mask_in_python if pure else in_c)
