"""The time of an import leaves out what was imported before."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.imports import milliseconds


def test_what_was_imported_before_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.2)\n")
    (tmp_path / "after_slow.py").write_text("import slow\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert milliseconds("sys", "after_slow") >= 200
    assert milliseconds("slow", "after_slow") < 200
