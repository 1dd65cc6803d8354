"""Times the stages of propagation one by one: reading, networks, writing."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ...core.ports import FrameSource, PropagationNet
    from ...core.types import Image, Matte

T = TypeVar("T")
WHOLE = "whole frame"
NETWORK = ("key", "value", "memory and decoder")
"""Stages of the networks, including transfers to and from the device."""


class StageClock:
    """Collects durations by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)

    def add(self, stage: str, seconds: float) -> None:
        """Adds a duration."""
        self.seconds[stage].append(seconds)

    def total(self, stage: str) -> float:
        """Returns the total seconds of a stage."""
        return sum(self.seconds.get(stage, ()))

    def time(self, stage: str, work: Callable[[], T]) -> T:
        """Returns the result of `work` and records how long it took."""
        begin = time.perf_counter()
        result = work()
        self.add(stage, time.perf_counter() - begin)
        return result


class TimedFrames:
    """A frame source that times reading."""

    def __init__(self, source: FrameSource, clock: StageClock) -> None:
        self._source = source
        self._clock = clock

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, frame: int) -> Image:
        """See `FrameSource`."""
        return self._clock.time("reading", lambda: self._source[frame])


class TimedPropagation:
    """A propagation network that times its calls. A graphics card runs behind: its time shows up in `memory`."""

    def __init__(self, net: PropagationNet, clock: StageClock) -> None:
        self._net = net
        self._clock = clock
        if hasattr(net, "segment_after"):
            self.segment_after = self._segment_after

    def encode_key(self, image: Image) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("key", lambda: self._net.encode_key(image))

    def encode_value(self, image: Image, key: Any, mattes: Any) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("value", lambda: self._net.encode_value(image, key, mattes))

    def segment(self, query: Any, memory: Sequence[Any], previous: Any = None) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("memory and decoder", lambda: self._net.segment(query, memory, previous))

    def _segment_after(self, query: Any, memory: Sequence[Any], previous: Any, before: Any) -> Any:
        """See `RecurrentNet`."""
        net: Any = self._net
        return self._clock.time("memory and decoder", lambda: net.segment_after(query, memory, previous, before))

    def megabytes(self, key: Any, value: Any) -> float:
        """See `PropagationNet`."""
        return self._net.megabytes(key, value)

    def resemblance(self, query: Any, mattes: Any, examples: Sequence[Any]) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("memory and decoder", lambda: self._net.resemblance(query, mattes, examples))

    def attention(self, query: Any, keyframe: Any, difference: Any) -> Any:
        """See `PropagationNet`."""
        return self._clock.time("attention", lambda: self._net.attention(query, keyframe, difference))


def write_timed(clock: StageClock, folder: Path, frame: int, matte: Matte) -> None:
    """Writes a mask as the session does, timed."""
    from ...core.images.matte import write_mask

    clock.time("writing", lambda: write_mask(folder / f"{frame:05d}.png", matte))


def time_transfers(clock: StageClock, device: str, side: int, times: int = 20) -> None:
    """Times a crop of `side` x `side` pixels on its way to the device, and a matte on its way back."""
    import torch

    crop, matte = torch.zeros((side, side, 3), dtype=torch.uint8), torch.zeros((side, side), device=device)
    for _ in range(times):
        clock.time("transfer", lambda: (crop.to(device), matte.cpu()))


def shares(clock: StageClock) -> dict[str, float]:
    """Returns the shares of the total time for reading, network, transfer, writing and the rest, in [0, 1].

    Frames are read ahead, in parallel to the network, so the shares may add up to more than 1. Transfers are part of
    the network's share.
    """
    whole = clock.total(WHOLE)
    found = {
        "reading, ahead": clock.total("reading"),
        "network": sum(clock.total(stage) for stage in NETWORK),
        "writing": clock.total("writing"),
    }
    found["the rest"] = max(0.0, whole - found["network"] - found["writing"])
    if transfers := clock.seconds.get("transfer"):
        found["transfer, in the network's"] = statistics.median(transfers) * len(clock.seconds[WHOLE])
    return {name: seconds / whole for name, seconds in found.items()} if whole else {}


def medians(clock: StageClock) -> Mapping[str, float]:
    """Returns the median seconds of each stage."""
    return {stage: statistics.median(times) for stage, times in clock.seconds.items() if times}
