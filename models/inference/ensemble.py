"""Several propagation networks as one: each has its own memory, and all remember their common answer.

Networks fail by chance, and propagation remembers its failures: background that one network includes stays for good. If
the others do not see it, it is not remembered at all. So averaging the answers at every frame, and feeding the mean
back into every member's memory, gains more than averaging finished masks could.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .predictors import PropagationPredictor
    from .runner import Array, Image
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from .predictors import FrameKeys, PropagationPredictor, Value
    from .runner import Array, Image


SURE = 1e-5
"""Distance that probabilities keep from 0 and 1, so that no member decides alone."""


class PropagationEnsemble:
    """Implements the same Protocol as each of its members; handles are tuples with one handle of each."""

    def __init__(self, members: Sequence[PropagationPredictor | CropLook]) -> None:
        """Takes over the members.

        Raises:
            ValueError: there are none.
        """
        if not members:
            raise ValueError("an ensemble needs members")
        self.members = tuple(members)

    def encode_key(self, image: Image) -> tuple[Any, ...]:
        """Returns the handles of a frame (h, w, 3) uint8 RGB."""
        return tuple(member.encode_key(image) for member in self.members)

    def encode_value(self, image: Image, key: Sequence[Any], mattes: Array) -> tuple[Any, ...]:
        """Returns the handles of a frame whose mattes (N, h, w) in [0, 1] are known."""
        return tuple(m.encode_value(image, own, mattes) for m, own in zip(self.members, key, strict=True))

    def segment(
        self,
        query: Sequence[Any],
        memory: Sequence[tuple[Sequence[Any], Sequence[Any]]],
        previous: Array | None = None,
    ) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1]: the members' mean, see `mean_answer`.

        Raises:
            ValueError: `memory` is empty or its entries hold different numbers of objects.
        """
        answers = [
            member.segment(query[number], [(key[number], value[number]) for key, value in memory], previous)
            for number, member in enumerate(self.members)
        ]
        return mean_answer(np.stack(answers))

    def megabytes(self, key: Sequence[Any], value: Sequence[Any]) -> float:
        """Returns the memory that all members take together."""
        return sum(m.megabytes(k, v) for m, k, v in zip(self.members, key, value, strict=True))

    def resemblance(
        self, query: Sequence[Any], mattes: Array, examples: Sequence[tuple[Sequence[Any], Array]]
    ) -> Array:
        """Returns (N, h, w) float32 in [-2, 2], the mean over the members; see `PropagationPredictor.resemblance`."""
        answers = [
            member.resemblance(query[number], mattes, [(key[number], maps) for key, maps in examples])
            for number, member in enumerate(self.members)
        ]
        return np.asarray(np.mean(answers, axis=0), np.float32)

    def attention(self, query: Sequence[Any], keyframe: Sequence[Any], difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` carried to the query frame, the mean over the members."""
        every = zip(self.members, query, keyframe, strict=True)
        return np.asarray(np.mean([m.attention(q, k, difference) for m, q, k in every], axis=0), np.float32)


def mean_answer(answers: Array) -> Array:
    """Returns the geometric mean of aggregated answers (M, N, h, w), normalised over background and objects: (N, h, w).

    For one object that is the mean of the log-odds.
    """
    background = 1.0 - answers.sum(axis=1, keepdims=True)
    every = np.concatenate((background, answers), axis=1)
    mean = np.exp(np.log(np.clip(every, SURE, 1.0 - SURE)).mean(axis=0))
    return np.asarray(mean[1:] / mean.sum(axis=0, keepdims=True), np.float32)


@dataclass(frozen=True, eq=False)
class ViewKey:
    """Handle of a frame seen through a view: the network's own, and the size (h, w) that answers must have."""

    key: FrameKeys
    size_hw: tuple[int, int]


class CropLook:
    """Implements the same Protocol as the predictor it looks through.

    Args:
        predictor: owned from now on; its memory must not be shared with another view, see `PropagationPredictor.twin`.
        scale: side of its input, as a share of the crop's.
        mirrored: flip left and right.
    """

    def __init__(self, predictor: PropagationPredictor, scale: float = 1.0, mirrored: bool = False) -> None:
        if not 0.0 < scale <= 2.0:
            raise ValueError(f"scale lies in (0, 2], not {scale}")
        self.predictor, self.scale, self.mirrored = predictor, scale, mirrored

    def encode_key(self, image: Image) -> ViewKey:
        """Returns the handle of a frame (h, w, 3) uint8 RGB."""
        return ViewKey(self.predictor.encode_key(self._seen_image(image)), (image.shape[0], image.shape[1]))

    def encode_value(self, image: Image, key: ViewKey, mattes: Array) -> Value:
        """Returns the handle of a frame whose mattes (N, h, w) in [0, 1] are known."""
        return self.predictor.encode_value(self._seen_image(image), key.key, self._seen(mattes))

    def segment(self, query: ViewKey, memory: Sequence[tuple[ViewKey, Value]], previous: Array | None = None) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1], the right way round; raises as the predictor does."""
        hint = None if previous is None else self._seen(previous)
        answer = self.predictor.segment(query.key, [(key.key, value) for key, value in memory], hint)
        return self._shown(answer, query.size_hw)

    def megabytes(self, key: ViewKey, value: Value) -> float:
        """Returns the predictor's memory for it."""
        return self.predictor.megabytes(key.key, value)

    def resemblance(self, query: ViewKey, mattes: Array, examples: Sequence[tuple[ViewKey, Array]]) -> Array:
        """Returns (N, h, w) float32 in [-2, 2]; see `PropagationPredictor.resemblance`."""
        seen = [(key.key, self._seen(maps)) for key, maps in examples]
        return self._shown(self.predictor.resemblance(query.key, self._seen(mattes), seen), query.size_hw)

    def attention(self, query: ViewKey, keyframe: ViewKey, difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` carried to the query frame."""
        return self._shown(self.predictor.attention(query.key, keyframe.key, self._seen(difference)), query.size_hw)

    def _seen_image(self, image: Image) -> Image:
        maps = np.moveaxis(image, 2, 0).astype(np.float32)
        return np.ascontiguousarray(np.moveaxis(np.rint(self._seen(maps)), 0, 2).astype(np.uint8))

    def _seen(self, maps: Array) -> Array:
        """Returns maps (N, h, w) of the crop as this view sees them."""
        size_hw = (max(1, round(maps.shape[1] * self.scale)), max(1, round(maps.shape[2] * self.scale)))
        maps = _resized(maps, size_hw)
        return np.ascontiguousarray(maps[..., ::-1]) if self.mirrored else maps

    def _shown(self, maps: Array, size_hw: tuple[int, int]) -> Array:
        return _resized(np.ascontiguousarray(maps[..., ::-1]) if self.mirrored else maps, size_hw)


def members(
    networks: Sequence[PropagationPredictor], looks: Sequence[tuple[int, float, bool]]
) -> list[PropagationPredictor | CropLook]:
    """Returns one predictor for each look (number of its network, scale, mirrored), each with a memory of its own."""
    out: list[PropagationPredictor | CropLook] = []
    used: set[int] = set()
    for number, scale, mirrored in looks:
        predictor = networks[number].twin() if number in used else networks[number]
        used.add(number)
        out.append(predictor if scale == 1.0 and not mirrored else CropLook(predictor, scale, mirrored))
    return out


def _resized(maps: Array, size_hw: tuple[int, int]) -> Array:
    """Resizes maps (N, h, w), averaging over the area of a pixel when shrinking."""
    if maps.shape[1:] == size_hw:
        return maps
    with torch.inference_mode():
        tensor = torch.from_numpy(np.ascontiguousarray(maps, np.float32))[None]
        out = F.interpolate(tensor, size_hw, mode="bilinear", align_corners=False, antialias=True)
        return np.asarray(out[0].clamp_(0.0, 255.0).numpy(), np.float32)
