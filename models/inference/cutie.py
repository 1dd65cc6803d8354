"""Cutie behind the port of the engine: what its `InferenceCore` does, with the engine's memory.

Cutie has three memories. How each fits the engine's calls, which keep nothing from one to the next:

* pixel memory (a key, a shrinkage and a value at each place): part of a frame's `Value`. Every read joins the frames
  that the engine remembers, so keyframes stay, and a pass that begins forgets the one before, in either direction.
* object memory (sums of features over an object and their weights): also part of a `Value`; a read adds those of the
  remembered frames. Cutie's own program adds up all frames ever remembered; both agree until the first is forgotten.
* sensory memory (a state at each place, which every frame changes): on the frame's key. `segment_after` takes that of
  the frame before, moved into the new crop, and leaves its own; `encode_value` renews it, as Cutie does for remembered
  frames. It begins at zero on a keyframe, and wherever the frame before is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import WeightsDamaged
from .cutie_network import make_network, without_warnings
from .runner import STRIDE, Array, Image

NAME = "cutie"
TOP_K = 30
"""Places of the memory that a place reads, as in Cutie's settings."""
ONLY_TRAINING = "aux_computer."
COUNTED = ("num_batches_tracked", "inv_freq")
"""Ends of the names of tensors that are the same for any weights."""


class Features(NamedTuple):
    """What decoding a frame needs: the encoder's maps (1, C, h, w) at strides 16, 8 and 4, and their projection."""

    scales: list[Tensor]
    pixels: Tensor


class FrameKey:
    """Handle of an encoded frame.

    The features for decoding, the largest part, are dropped when the frame is remembered, and made again if it is
    decoded once more.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        pad: left, right, top, bottom padding to multiples of the stride.
        key, shrinkage, selection: (1, C, H, W), of its places.
        sensory: (1, N, Cs, H, W) state after this frame; None = none yet.
    """

    def __init__(self, image: Image, pad: tuple[int, ...], features: Features, of_places: Sequence[Tensor]) -> None:
        self.image = image
        self.pad = pad
        self.features: Features | None = features
        self.key, self.shrinkage, self.selection = of_places
        self.sensory: Tensor | None = None

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width before padding."""
        return self.image.shape[0], self.image.shape[1]


class Value(NamedTuple):
    """Handle of a remembered frame with P places and N objects, and Q summaries of each object.

    Attributes:
        key: (1, Ck, P).
        shrinkage: (1, 1, P).
        pixels: (1, N, Cv, P).
        objects: (1, N, Q, C + 1), the last channel is the weight.
    """

    key: Tensor
    shrinkage: Tensor
    pixels: Tensor
    objects: Tensor


class CutiePredictor:
    """Implements `RecurrentNet` of `core.ports` with Cutie's network; always in 32 bits.

    Args:
        network: from `cutie_network.make_network`, with trained weights.
        device: cpu, cuda or mps.
    """

    def __init__(self, network: torch.nn.Module, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._network: Any = network.eval().to(self._device)

    def encode_key(self, image: Image) -> FrameKey:
        """Returns the handle of a frame (h, w, 3) uint8 RGB."""
        with self._running():
            picture, pad = self._picture(image)
            features = self._features(picture)
            return FrameKey(image, pad, features, self._network.transform_key(features.scales[0]))

    def encode_value(self, image: Image, key: FrameKey, mattes: Array) -> Value:
        """Returns the handle of a frame whose mattes (N, h, w) in [0, 1] are known, and renews its sensory memory."""
        with self._running():
            picture, _ = self._picture(image)
            masks = self._maps(mattes, key)
            features = self._of(key)
            sensory = self._begun(key.sensory, key, len(mattes))
            pixels, key.sensory, objects, _ = self._network.encode_mask(picture, features.pixels, sensory, masks)
            key.features = None
            return Value(key.key.flatten(2), key.shrinkage.flatten(2), pixels.flatten(3), objects)

    def segment(
        self, query: FrameKey, memory: Sequence[tuple[FrameKey, Value]], previous: Array | None = None
    ) -> Array:
        """See `segment_after`; without a frame before."""
        return self.segment_after(query, memory, previous, None)

    def segment_after(
        self,
        query: FrameKey,
        memory: Sequence[tuple[FrameKey, Value]],
        previous: Array | None,
        before: tuple[FrameKey, tuple[float, float, float, float]] | None,
    ) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1] of the query frame, aggregated over the objects.

        Args:
            query: the frame.
            memory: entries to read; they may differ in size.
            previous: (N, h, w) mattes of the frame before, seen through the query's crop, if known.
            before: key of the frame before, and the query's crop within that frame's: x0, y0, x1, y1, where 0 and 1 are
                its sides; None = not known.

        Raises:
            ValueError: `memory` is empty.
        """
        if not memory:
            raise ValueError("memory is empty")
        values = [value for _, value in memory]
        count = values[0].pixels.shape[1]
        with self._running():
            features = self._of(query)
            affinity = self._affinity(values, query)
            read = torch.cat([value.pixels for value in values], dim=3).flatten(1, 2) @ affinity
            read = read.view(1, count, -1, *query.key.shape[-2:])
            carried = None if before is None else _moved(before[0], before[1], query)
            sensory = self._begun(carried, query, count)
            last = self._maps(np.zeros((count, *query.size_hw), np.float32) if previous is None else previous, query)
            fused = self._network.pixel_fusion(features.pixels, read, sensory, last)
            objects = torch.stack([value.objects for value in values], dim=2)
            read, _ = self._network.readout_query(fused, objects.sum(dim=2, keepdim=True))
            query.sensory, _, found = self._network.segment(features.scales, read, sensory)
            return self._unpadded(found[0, 1:], query)

    def megabytes(self, key: FrameKey, value: Value) -> float:
        """Returns the device memory of a remembered frame: key, sensory memory, values, and a copy of those."""
        kept = [key.key, key.shrinkage, key.selection, *([] if key.sensory is None else [key.sensory])]
        rows = [value.key, value.shrinkage, value.pixels]
        size = sum(part.numel() * part.element_size() for part in (*kept, *rows, *rows, value.objects))
        return size / 2**20

    def resemblance(self, query: FrameKey, mattes: Array, examples: Sequence[tuple[FrameKey, Array]]) -> Array:
        """Returns zeros (N, h, w): nothing is compared.

        The engine's limits for it belong to the features of our own network; Cutie tells objects apart by its object
        memory.
        """
        return np.zeros(mattes.shape, np.float32)

    def attention(self, query: FrameKey, keyframe: FrameKey, difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` (M, h', w') of the keyframe, carried to the query."""
        with self._running():
            maps = F.avg_pool2d(self._maps(difference, keyframe), STRIDE).flatten(2)
            grid = (maps @ self._affinity([keyframe], query)).unflatten(2, query.key.shape[-2:])
            return self._unpadded(F.interpolate(grid, scale_factor=STRIDE, mode="bilinear")[0], query)

    @contextmanager
    def _running(self) -> Iterator[None]:
        with torch.inference_mode(), without_warnings():
            yield

    def _picture(self, image: Image) -> tuple[Tensor, tuple[int, ...]]:
        """Returns (h, w, 3) uint8 as (1, 3, H, W) in [0, 1], padded as Cutie does, and the padding."""
        from cutie.utils.tensor_utils import pad_divide_by

        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self._device).permute(2, 0, 1)[None]
        padded, pad = pad_divide_by(tensor.float() / 255.0, STRIDE)
        return padded, tuple(pad)

    def _maps(self, maps: Array, key: FrameKey) -> Tensor:
        """Returns (N, h, w) as (1, N, H, W) on the device, padded as the frame is."""
        tensor = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32)).to(self._device)
        return F.pad(tensor[None], key.pad)

    def _unpadded(self, maps: Tensor, key: FrameKey) -> Array:
        """Returns maps (N, H, W) as an array (N, h, w)."""
        left, _, top, _ = key.pad
        height, width = key.size_hw
        cut = maps[:, top : top + height, left : left + width]
        return np.ascontiguousarray(cut.float().cpu().numpy())

    def _features(self, picture: Tensor) -> Features:
        scales, pixels = self._network.encode_image(picture)
        return Features(list(scales), pixels)

    def _of(self, key: FrameKey) -> Features:
        """Returns the features of a frame, made again if they were dropped."""
        if key.features is None:
            key.features = self._features(self._picture(key.image)[0])
        return key.features

    def _begun(self, sensory: Tensor | None, key: FrameKey, count: int) -> Tensor:
        """Returns a sensory memory, zero without one or with one of another number of objects."""
        if sensory is not None and sensory.shape[1] == count:
            return sensory
        return key.key.new_zeros((1, count, self._network.sensory_dim, *key.key.shape[-2:]))

    def _affinity(self, memory: Sequence[Value | FrameKey], query: FrameKey) -> Tensor:
        """Returns the weights (1, M, Q) with which the query's places read those of the memory."""
        from cutie.model.utils.memory_utils import do_softmax, get_similarity

        keys = torch.cat([part.key.flatten(2) for part in memory], dim=2)
        shrinkage = torch.cat([part.shrinkage.flatten(2) for part in memory], dim=2)
        similarity = get_similarity(keys, shrinkage, query.key.flatten(2), query.selection.flatten(2))
        weights: Tensor = do_softmax(similarity, top_k=min(TOP_K, similarity.shape[1]), inplace=True)
        return weights


def _moved(before: FrameKey, window: tuple[float, float, float, float], query: FrameKey) -> Tensor | None:
    """Returns the sensory memory of the frame before as seen in the query's crop; zero where that frame saw nothing."""
    state = before.sensory
    if state is None:
        return None
    if window == (0.0, 0.0, 1.0, 1.0) and before.size_hw == query.size_hw:
        return state
    xs = _places(query, 1, window[0], window[2], before)
    ys = _places(query, 0, window[1], window[3], before)
    grid = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), dim=2)[None].to(state)
    return F.grid_sample(state[0], grid.expand(state.shape[1], -1, -1, -1), align_corners=False)[None]


def _places(query: FrameKey, axis: int, low: float, high: float, before: FrameKey) -> Tensor:
    """Returns where the query's places lie along an axis (0 = y) of the frame before, in [-1, 1] of its padded side."""
    count = query.key.shape[2 + axis]
    start, start_before = query.pad[2 - 2 * axis], before.pad[2 - 2 * axis]
    share = ((torch.arange(count, dtype=torch.float64) + 0.5) * STRIDE - start) / query.size_hw[axis]
    pixel = (low + share * (high - low)) * before.size_hw[axis] + start_before
    return 2 * pixel / (before.key.shape[2 + axis] * STRIDE) - 1


def build(state: Mapping[str, Tensor], device: str = "cpu") -> CutiePredictor:
    """Returns the predictor of the base network with trained weights.

    Raises:
        ImportError: the package is not installed.
        WeightsDamaged: the weights belong to another network.
    """
    network = make_network("base")
    own = network.state_dict()
    needed = [name for name in own if not name.startswith(ONLY_TRAINING) and not name.endswith(COUNTED)]
    lacking = [name for name in needed if name not in state]
    unlike = [name for name in needed if name in state and state[name].shape != own[name].shape]
    if lacking or unlike:
        raise WeightsDamaged(
            f"The weights are not those of Cutie's base network: {len(lacking)} tensors missing, {len(unlike)} of "
            "another shape.",
            f"Press Download under Published Networks, below the tiers, or run: cutout weights fetch {NAME}.",
        )
    network.load_state_dict({name: state[name].float() for name in needed}, strict=False)
    return CutiePredictor(network, device)
