"""Tests `cutout bench --against cutie`: turns, numbers, and the message without the package. A stub replaces Cutie."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from blender_cutout.cli import main
from blender_cutout.commands.bench import against
from blender_cutout.evaluate import peers

FRAMES = 14


@pytest.fixture(autouse=True)
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(before[0])
    cv2.setNumThreads(before[1])


class _Slow:
    """Takes a fixed time for each frame, and requires frames in order."""

    SECONDS = 0.5

    def __init__(self, size: str, device: str) -> None:
        self.size, self.next = size, 1

    def begin(self, image: Any, mattes: Any) -> None:
        assert image.dtype == np.uint8
        assert mattes.shape == (1, *image.shape[:2])
        self._first = image

    def step(self, image: Any) -> Any:
        assert image.shape == self._first.shape
        time.sleep(self.SECONDS if self.size == "base" else 0.0)


def test_each_does_every_frame_once_and_in_order_and_who_begins_a_turn_changes() -> None:
    turns = list(against._turns(["a", "b", "c"], FRAMES))
    for name in "abc":
        assert [frame for who, frame in turns if who == name] == list(range(1, FRAMES))
    beginners = [who for who, frame in turns if (frame - 1) % against.TURN == 0][::3]
    assert beginners == ["a", "b", "c"]


def test_the_table_has_medians_ratios_and_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peers, "Cutie", _Slow)
    large = np.ones(2**27)  # a gigabyte that is none of the measured process's business
    given = ["bench", "--against", "cutie", "--threads", "1", "--size", "128x96", "--frames", str(FRAMES), "--json"]
    assert main(given) == 0
    record = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert record["threads"] == 1
    assert record["size"] == [96, 128]
    ours, small, base = record["results"]
    assert [r["name"] for r in (ours, small, base)] == ["Blender Cutout, standard", "Cutie small", "Cutie base"]
    assert {r["frames"] for r in record["results"]} == {FRAMES - 1 - against.WARM}
    assert ours["times_ours"] == 1
    assert 0.001 < ours["median_seconds"]
    assert base["median_seconds"] == pytest.approx(_Slow.SECONDS, abs=0.2)
    assert base["times_ours"] == pytest.approx(base["median_seconds"] / ours["median_seconds"])
    assert base["median_processor_seconds"] < 0.1, "sleeping takes no processor"
    assert 100 < ours["peak_mb"] < large.nbytes / 2**20, "measured in a process of its own"


def test_without_the_package_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cutie", None)
    assert main(["bench", "--against", "cutie", "--size", "128x96", "--frames", "8"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "pip install rf-cutie" in err
