"""What is timed of the core is the same work for all, and is done each time."""

from __future__ import annotations

import pytest

from benchmarks import core
from benchmarks.case import Missing
from benchmarks.core_timing import MASK, WORK, work

SIZES = [32, 125, 1024, 65536]

every_size = pytest.mark.parametrize("size", SIZES)


def payload(size: int) -> bytes:
    return bytes(at % 256 for at in range(size))


@every_size
@pytest.mark.parametrize("contestant", WORK["decode"])
def test_decoding_gives_the_payload_each_time(size: int, contestant: str) -> None:
    decode = work("decode", size, contestant)
    assert decode() == decode() == [payload(size)]


@every_size
@pytest.mark.parametrize("contestant", WORK["encode"])
def test_encoding_gives_an_unmasked_frame_each_time(size: int, contestant: str) -> None:
    encode = work("encode", size, contestant)
    length = {32: b"\x20", 125: b"\x7d", 1024: b"\x7e\x04\x00"}.get(
        size, b"\x7f" + size.to_bytes(8)
    )
    assert encode() == encode() == b"\x82" + length + payload(size)


@every_size
@pytest.mark.parametrize("contestant", WORK["mask"])
def test_masking_starts_with_the_mask_s_first_octet_each_time(size: int, contestant: str) -> None:
    mask = work("mask", size, contestant)
    masked = bytes(octet ^ MASK[at % 4] for at, octet in enumerate(payload(size)))
    assert mask() == mask() == masked


def test_without_pyperf_nothing_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "find_spec", lambda name: None)
    case = core.cases(quick=True)[0]
    with pytest.raises(Missing, match="pyperf"), case.start("rawws"):
        pass
