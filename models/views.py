"""A propagation network that looks at the crop from elsewhere: mirrored, or from further away.

What the same network says of the mirrored picture, and what it says of a smaller one, fails on other pixels than what
it says of the picture as it is. As members of an ensemble they cost time and no weights. (Test-time augmentation, with
the difference that every view remembers what all agreed on, see `ensemble`.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F

if TYPE_CHECKING:
    from .adapters import Key, PropagationPredictor, Value
    from .runner import Array, Image


@dataclass(frozen=True, eq=False)
class ViewKey:
    """Handle of a frame seen through a view: the network's own, and the size (h, w) that answers must have."""

    key: Key
    size_hw: tuple[int, int]


class View:
    """Satisfies the same Protocol as the predictor it looks through.

    Args:
        predictor: is taken over; its memory must not be shared with another view, see `PropagationPredictor.twin`.
        scale: sides of what it sees, as a share of the crop's.
        mirrored: left and right change places.
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
        """Returns what the predictor takes for it."""
        return self.predictor.megabytes(key.key, value)

    def attention(self, query: ViewKey, keyframe: ViewKey, difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` carried to the query frame."""
        return self._shown(self.predictor.attention(query.key, keyframe.key, self._seen(difference)), query.size_hw)

    def _seen_image(self, image: Image) -> Image:
        maps = np.moveaxis(image, 2, 0).astype(np.float32)
        return np.ascontiguousarray(np.moveaxis(np.rint(self._seen(maps)), 0, 2).astype(np.uint8))

    def _seen(self, maps: Array) -> Array:
        """Maps (N, h, w) of the crop as this view sees them."""
        size_hw = (max(1, round(maps.shape[1] * self.scale)), max(1, round(maps.shape[2] * self.scale)))
        maps = _resized(maps, size_hw)
        return np.ascontiguousarray(maps[..., ::-1]) if self.mirrored else maps

    def _shown(self, maps: Array, size_hw: tuple[int, int]) -> Array:
        return _resized(np.ascontiguousarray(maps[..., ::-1]) if self.mirrored else maps, size_hw)


def members(
    networks: Sequence[PropagationPredictor], looks: Sequence[tuple[int, float, bool]]
) -> list[PropagationPredictor | View]:
    """Returns one predictor for each look (number of its network, scale, mirrored), each with a memory of its own."""
    out: list[PropagationPredictor | View] = []
    used: set[int] = set()
    for number, scale, mirrored in looks:
        predictor = networks[number].twin() if number in used else networks[number]
        used.add(number)
        out.append(predictor if scale == 1.0 and not mirrored else View(predictor, scale, mirrored))
    return out


def _resized(maps: Array, size_hw: tuple[int, int]) -> Array:
    """Maps (N, h, w) at another size, means of what a pixel covers where that is smaller."""
    if maps.shape[1:] == size_hw:
        return maps
    with torch.inference_mode():
        tensor = torch.from_numpy(np.ascontiguousarray(maps, np.float32))[None]
        out = F.interpolate(tensor, size_hw, mode="bilinear", align_corners=False, antialias=True)
        return np.asarray(out[0].clamp_(0.0, 255.0).numpy(), np.float32)
