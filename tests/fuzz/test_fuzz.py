"""Tests that the fuzzers find what they are made to find."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from . import watch
from .faulty import KINDS, Faulty
from .target import generator

SEED = 20


def test_each_kind_of_fault_is_counted_and_the_run_goes_on_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MOST_CPU", 1.5)
    name, inputs = "faulty:Faulty", 60
    tally = watch.fuzz(name, SEED, 120.0, inputs, tmp_path)
    numbers = [int(Faulty(tmp_path).make(generator(SEED, name, index))) for index in range(inputs)]
    wanted = Counter(kind for number in numbers if (kind := KINDS.get(number)))
    assert set(wanted) == {"foreign", "wrong", "memory", "hang", "crash"}
    assert tally.counts == dict(wanted)
    assert tally.inputs == inputs
    saved = {path.name.rpartition("-")[2]: path.read_bytes() for path in tmp_path.iterdir()}
    assert {kind: KINDS[int(data)] for kind, data in saved.items()} == {kind: kind for kind in wanted}
    assert "KeyError" in watch.table([tally])
