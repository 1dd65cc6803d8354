"""The networks as predictors on numpy arrays; `runner` handles padding, device and precision.

They implement the Protocols of `core.ports` structurally. Images come already cropped and scaled to working size,
(h, w, 3) uint8 RGB; any size is padded to a multiple of 16 and the result cropped back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from ..checkpoint_weights import CheckpointWeights, fill
from ..networks import affinity, resemblance
from ..networks.affinity import aggregate_mattes
from ..networks.automatic_net import AutomaticNet
from ..networks.blocks import fold_batch_norms
from ..networks.edge_net import EdgeNet
from ..networks.propagation_net import FrameKey, PropagationNet, propagation_size
from ..networks.scribble_to_mask import ScribbleToMask
from ..registry import WeightEntry, find_entry, kind_of, load_weights
from .memory_stack import MemoryStack
from .object_windows import Window, windows_around
from .packed import can_pack, pack
from .runner import STRIDE, Array, Image, Network, Precision, Runner, chosen_precision, to_numpy
from .windows import logits_in_windows, values_in_windows


def _rows(key: Tensor) -> Tensor:
    """Returns (1, Ck, h, w) as (h * w, Ck)."""
    return key[0].permute(1, 2, 0).flatten(0, 1)


class ScribblePredictor:
    """Strokes to mask, and the first guess of the foreground, with one network."""

    def __init__(self, network: ScribbleToMask, device: str = "cpu", precision: Precision = "auto") -> None:
        self._run = Runner(device, precision)
        self._network = self._run.place(network)

    def predict(self, image: Image, previous: Array, keep: Array, remove: Array) -> Array:
        """Returns the matte (h, w) float32 in [0, 1] of the object after a round.

        Args:
            image: (h, w, 3) uint8 RGB at working size.
            previous: (h, w) matte before the round, zeros in a first round.
            keep: (h, w) strokes inside the object, in [0, 1].
            remove: (h, w) strokes outside it, in [0, 1].
        """
        size_hw = (image.shape[0], image.shape[1])
        with self._run():
            extra = self._run.maps(np.stack((previous, keep, remove)))
            logits = self._network(self._run.image(image), extra[:, 0:1], extra[:, 1:2], extra[:, 2:3])
            return to_numpy(torch.sigmoid(logits.float())[0, 0], size_hw)

    def foreground(self, image: Image) -> Array:
        """Returns the first guess (h, w) float32 in [0, 1] of the foreground object(s) from the picture alone."""
        empty = np.zeros(image.shape[:2], np.float32)
        return self.predict(image, empty, empty, empty)


@dataclass(frozen=True, eq=False)
class FrameKeys:
    """Handle of an encoded frame: features on the device, size before padding, and the image for its value."""

    frame: FrameKey
    size_hw: tuple[int, int]

    @cached_property
    def directions(self) -> Tensor:
        """The features of its places as unit vectors (P, C)."""
        return F.normalize(_rows(self.frame.f16.float()), dim=1)


@dataclass(frozen=True, eq=False)
class Value:
    """Handle of a remembered frame: keys (P, Ck) and values (P, N * Cv) over its P places."""

    keys: Tensor
    values: Tensor
    objects: int


class PropagationPredictor:
    """Space-time memory segmentation of frames at working size."""

    def __init__(self, network: PropagationNet, device: str = "cpu", precision: Precision = "auto") -> None:
        self._run = Runner(device, precision)
        self._network = self._run.place(network)
        self._stack = MemoryStack()
        self._last: tuple[FrameKey, Tensor] | None = None

    @property
    def stack(self) -> MemoryStack:
        """The memory matrices of the last `segment`."""
        return self._stack

    def encode_key(self, image: Image) -> FrameKeys:
        """Returns the handle of a frame (h, w, 3) uint8 RGB; once for each frame, whatever the number of objects."""
        with self._run():
            return FrameKeys(self._network.encode_key(self._run.image(image)), (image.shape[0], image.shape[1]))

    def encode_value(self, image: Image, key: FrameKeys, mattes: Array) -> Value:
        """Returns the handle of a frame whose mattes (N, h, w) in [0, 1] are known."""
        with self._run():
            picture, maps = self._run.image(image), self._run.maps(mattes)
            parts = self._windows(mattes)
            if parts is None:
                value = self._network.encode_value(picture, key.frame, maps)[0]
            else:
                carried = self._last[1] if self._last is not None and self._last[0] is key.frame else None
                value = values_in_windows(self._network, picture, key.frame, maps, parts, carried)[0]
            values = value.float().permute(2, 3, 0, 1).flatten(2).flatten(0, 1).contiguous()
            return Value(_rows(key.frame.key), values, len(value))

    def segment(
        self, query: FrameKeys, memory: Sequence[tuple[FrameKeys, Value]], previous: Array | None = None
    ) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1] of the query frame, aggregated over the objects.

        Args:
            query: the frame.
            memory: entries to read, in any order; values carry their own keys, so frames may differ in size. Entries
                unchanged since the last call are not copied again.
            previous: (N, h, w) mattes of the frame before, seen through the query's crop, if known: they separate the
                object from others that look like it.

        Raises:
            ValueError: `memory` is empty or its entries hold different numbers of objects.
        """
        with self._run():
            keys, values = self._stack.update([value for _, value in memory])
            objects = memory[0][1].objects
            hint = None if previous is None else self._run.maps(previous)
            carried = affinity.recall(
                keys, values, _rows(query.frame.key), self._network.similarity, self._network.top_k
            )
            height, width = query.frame.key.shape[-2:]
            carried = carried.view(height, width, objects, -1).permute(2, 3, 0, 1)[None]
            parts = None if previous is None else self._windows(previous)
            self._last = None if parts is None else (query.frame, carried)
            if parts is None or hint is None:
                logits = self._network.decoder(carried, query.frame, hint)
            else:
                logits = logits_in_windows(self._network, carried, query.frame, hint, parts)
            return to_numpy(aggregate_mattes(logits)[0], query.size_hw)

    def megabytes(self, key: FrameKeys, value: Value) -> float:
        """Returns the device memory that a remembered frame takes: its features, keys, values, and a copy of those.

        This is the part of the network's memory that grows with the number of remembered frames.
        """
        features = sum(maps.numel() * maps.element_size() for maps in key.frame)
        rows = sum(part.numel() * part.element_size() for part in (value.keys, value.values))
        return (features + 2 * rows) / 2**20

    def resemblance(self, query: FrameKeys, mattes: Array, examples: Sequence[tuple[FrameKeys, Array]]) -> Array:
        """Returns (N, h, w) float32 in [-2, 2]: how much more a place resembles the object than anything else known.

        Args:
            query: the frame.
            mattes: (N, h, w) what was found on it; only places inside are compared, all others are 0.
            examples: frames and their mattes (N, h', w'). An object that shows in none of them resembles nothing.
        """
        with self._run():
            rows = torch.cat([key.directions for key, _ in examples])
            shares = torch.cat([self._places(maps) for _, maps in examples], dim=1)
            margins = resemblance.margins(query.directions, self._places(mattes), rows, shares)
            grid = margins.unflatten(1, query.frame.f16.shape[-2:])[None]
            return to_numpy(F.interpolate(grid, scale_factor=STRIDE, mode="nearest")[0], query.size_hw)

    def _places(self, mattes: Array) -> Tensor:
        """Returns the share of each place that mattes (N, h, w) cover, (N, P)."""
        return F.avg_pool2d(self._run.maps(mattes), STRIDE)[0].flatten(1)

    def _windows(self, mattes: Array) -> list[Window] | None:
        """Returns where several objects are; None on a graphics card, which is faster with all of them at once."""
        return windows_around(mattes) if self._run.device.type == "cpu" else None

    def attention(self, query: FrameKeys, keyframe: FrameKeys, difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` (M, h', w') of the keyframe, carried to the query by affinity.

        For fusion (MiVOS, section 3.3): finds where the artist's change on the keyframe went on this frame.
        """
        with self._run():
            maps = F.avg_pool2d(self._run.maps(difference), STRIDE)
            weights = self._network.match(keyframe.frame.key.flatten(2), query.frame)
            carried = affinity.readout(weights, maps.flatten(2)[:, :, None]).squeeze(2)
            grid = carried.unflatten(2, query.frame.key.shape[-2:])
            return to_numpy(
                F.interpolate(grid, scale_factor=STRIDE, mode="bilinear", align_corners=False)[0], query.size_hw
            )


class AutomaticPredictor:
    """People, heads and sky in a picture."""

    def __init__(self, network: AutomaticNet, device: str = "cpu", precision: Precision = "auto") -> None:
        self._run = Runner(device, precision)
        self._network = self._run.place(network)

    def find(self, image: Image) -> Array:
        """Returns mattes (3, h, w) float32 in [0, 1] of people, heads and sky: the mean of two looks, one mirrored."""
        with self._run():
            picture = self._run.image(image)
            found = torch.sigmoid(self._network(torch.cat((picture, self._mirrored(image)))).float())
            height, width = image.shape[:2]
            upright = found[0, :, :height, :width]
            return to_numpy(0.5 * (upright + found[1, :, :height, :width].flip(2)), (height, width))

    def _mirrored(self, image: Image) -> Tensor:
        return self._run.image(np.ascontiguousarray(image[:, ::-1]))


class EdgePredictor:
    """Alpha along an object's edge, on parts of a picture at full resolution."""

    def __init__(self, network: EdgeNet, device: str = "cpu", precision: Precision = "auto") -> None:
        self._run = Runner(device, precision)
        self._network = self._run.place(network)

    def predict(self, image: Image, matte: Array) -> Array:
        """Returns alpha (h, w) float32 in [0, 1].

        Args:
            image: (h, w, 3) uint8 RGB.
            matte: (h, w) in [0, 1].

        Raises:
            OutOfMemory: the device does not have enough memory.
        """
        with self._run():
            logit = self._network(self._run.image(image), self._run.maps(matte[None], "replicate"))
            return to_numpy(torch.sigmoid(logit.float())[0, 0], (image.shape[0], image.shape[1]))


def load_scribble(
    entry: WeightEntry | str = "scribble",
    device: str = "cpu",
    precision: Precision = "auto",
    loose: CheckpointWeights | None = None,
) -> ScribblePredictor:
    """Returns the predictor with trained weights: those of the registry, or loose ones for the same network.

    Raises:
        WeightsMissing, WeightsDamaged: the file is absent or not the one in the registry, or holds another network.
    """
    network = _trained(ScribbleToMask, entry, loose, device, precision)
    return ScribblePredictor(network, device, precision)


def load_propagation(
    entry: WeightEntry | str = "propagation",
    device: str = "cpu",
    precision: Precision = "auto",
    loose: CheckpointWeights | None = None,
) -> PropagationPredictor:
    """Returns the predictor with trained weights: those of the registry, or loose ones for the same network.

    Raises:
        WeightsMissing, WeightsDamaged: the file is absent or not the one in the registry, or holds another network.
    """
    if loose is None:
        entry = find_entry(entry) if isinstance(entry, str) else entry
        size, similarity = entry.size, entry.similarity
    else:
        size, similarity = propagation_size(loose.state), loose.similarity
    network = _trained(lambda: PropagationNet(size=size, similarity=similarity), entry, loose, device, precision)
    return PropagationPredictor(network, device, precision)


def load_automatic(
    entry: WeightEntry | str = "automatic",
    device: str = "cpu",
    precision: Precision = "auto",
    loose: CheckpointWeights | None = None,
) -> AutomaticPredictor:
    """Returns the predictor with trained weights: those of the registry, or loose ones for the same network.

    Raises:
        WeightsMissing, WeightsDamaged: the file is absent or not the one in the registry, or holds another network.
    """
    return AutomaticPredictor(_trained(AutomaticNet, entry, loose, device, precision), device, precision)


def load_edge(
    entry: WeightEntry | str = "edge",
    device: str = "cpu",
    precision: Precision = "auto",
    loose: CheckpointWeights | None = None,
) -> EdgePredictor:
    """Returns the predictor with trained weights: those of the registry, or loose ones for the same network.

    Raises:
        WeightsMissing, WeightsDamaged: the file is absent or not the one in the registry, or holds another network.
    """
    return EdgePredictor(_trained(EdgeNet, entry, loose, device, precision), device, precision)


class _Unfilled(TorchFunctionMode):
    """Skips the random initialisation of networks made inside, which the weights would overwrite anyway."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Skips `torch.nn.init`."""
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


def _trained(
    make: Callable[[], Network],
    entry: WeightEntry | str,
    loose: CheckpointWeights | None,
    device: str,
    precision: Precision,
) -> Network:
    """Returns the network with its weights, ready for use and no longer trainable."""
    with _Unfilled():
        network = make()
    if loose is None:
        load_weights(find_entry(entry) if isinstance(entry, str) else entry, network)
    else:
        fill(network, kind_of(entry if isinstance(entry, str) else entry.name), loose)
    fold_batch_norms(network)
    place = torch.device(device)
    chosen = chosen_precision(place, precision)
    if place.type == "cpu" and chosen != "fp16" and can_pack():
        pack(network, torch.bfloat16 if chosen == "bf16" else torch.float32)
    return network
