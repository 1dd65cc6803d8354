"""Tests the cached memory matrices: correct under growth, replacement and eviction, and really cached."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from blender_cutout.models.inference.memory_stack import MemoryStack


@dataclass(frozen=True, eq=False)
class _Entry:
    keys: Tensor
    values: Tensor


def _entry(width: int = 4, values: int = 6) -> _Entry:
    return _Entry(torch.randn(width, 3), torch.randn(width, values))


def _holds_exactly(stack: MemoryStack, entries: list[_Entry]) -> None:
    keys, values = stack.update(entries)
    assert torch.equal(keys, torch.cat([e.keys for e in entries]))
    assert torch.equal(values, torch.cat([e.values for e in entries]))


def test_a_growing_memory_copies_each_entry_once() -> None:
    stack, entries = MemoryStack(), []
    for _ in range(20):
        entries.append(_entry())
        _holds_exactly(stack, entries)
    assert stack.copied_entries == 20


def test_replacing_the_last_frame_copies_only_it() -> None:
    stack = MemoryStack()
    kept = [_entry(), _entry()]
    for _ in range(10):
        _holds_exactly(stack, [*kept, _entry()])
    assert stack.copied_entries == 2 + 10


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_evictions_leaves_exactly_the_wanted_entries(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stack, entries = MemoryStack(), [_entry()]
    for _ in range(60):
        for _ in range(int(rng.integers(0, 3))):
            entries.append(_entry(width=int(rng.choice([4, 4, 6]))))
        for _ in range(int(rng.integers(0, 3))):
            if len(entries) > 1:
                entries.pop(int(rng.integers(len(entries))))
        rng.shuffle(entries)  # type: ignore[arg-type]
        _holds_exactly(stack, entries)


def test_an_unchanged_memory_is_not_copied_at_all() -> None:
    stack, entries = MemoryStack(), [_entry(), _entry(6)]
    stack.update(entries)
    _holds_exactly(stack, entries)
    assert stack.copied_entries == 2


def test_another_number_of_objects_starts_over() -> None:
    stack = MemoryStack()
    _holds_exactly(stack, [_entry(values=6), _entry(values=6)])
    _holds_exactly(stack, [_entry(values=12)])
    _holds_exactly(stack, [_entry(values=6)])


def test_mixed_numbers_of_objects_and_empty_memory_are_refused() -> None:
    with pytest.raises(ValueError, match="same objects"):
        MemoryStack().update([_entry(values=6), _entry(values=12)])
    with pytest.raises(ValueError, match="at least one"):
        MemoryStack().update([])
