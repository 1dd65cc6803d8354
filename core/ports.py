"""What the engine needs from outside, as Protocols; `models/inference/predictors.py` satisfies them by structure.

Images given to the networks are already cut and scaled to working size by the engine: (h, w, 3) uint8 RGB. Keys and
values are opaque handles which the engine only stores, so it needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .types import Image, Map, Matte, Mattes

    Weight = NDArray[np.float32]

Key = Any
Value = Any


class ScribbleNet(Protocol):
    """Stroke-to-mask network; without strokes and previous mask it proposes the foreground."""

    def predict(self, image: Image, previous: Matte, keep: Map, remove: Map) -> Matte:
        """Refined matte (h, w) float32 in [0, 1] of one object; `keep`, `remove`: stroke maps (h, w) in [0, 1]."""
        ...

    def foreground(self, image: Image) -> Matte:
        """First guess (h, w) float32 in [0, 1] of the foreground object(s)."""
        ...


class PropagationNet(Protocol):
    """Space-time-memory network (STCN form: keys from the image alone, values from image and mattes)."""

    def encode_key(self, image: Image) -> Key:
        """Key of a frame, with what decoding needs (skips); once per frame."""
        ...

    def encode_value(self, image: Image, key: Key, mattes: Mattes) -> Value:
        """Value of a frame whose mattes (N, h, w) are known."""
        ...

    def segment(self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None = None) -> Mattes:
        """Mattes (N, h, w) float32 in [0, 1] of the query frame, aggregated over the N objects.

        `previous` (N, h, w), the frame before seen through the query's crop, is a hint of place; None = not known.
        """
        ...

    def megabytes(self, key: Key, value: Value) -> float:
        """What remembering this frame takes of the device's memory, in MB of 2^20 bytes."""
        ...

    def attention(self, query: Key, keyframe: Key, difference: Mattes) -> Mattes:
        """Maps (M, h, w), carried from the keyframe to the query frame by the affinity between them (MiVOS, 3.3)."""
        ...


class FusionNet(Protocol):
    """Says which of two results of a frame to believe: the earlier run's, or that from a new keyframe (MiVOS, 3.3)."""

    def predict_shift(self, image: Image, old: Mattes, new: Mattes, carried: Mattes, weight: Weight) -> Mattes:
        """How far to move the formula's share of the new result (see `core.fusion.fuse`): (N, h, w) float32 in [-1, 1].

        1 takes all of the new result, -1 all of the old one, 0 leaves the formula as it is.

        `old` and `new` (N, h, w) are the two results, `carried` (2N, h, w) the artist's gains, then losses on the
        keyframe, carried to this frame by `PropagationNet.attention`, `weight` (N,) that of the new result.
        """
        ...


@runtime_checkable
class FrameSource(Protocol):
    """A clip: random access to exact frames. Raises FrameReadError."""

    def __len__(self) -> int: ...

    def __getitem__(self, frame: int) -> Image:
        """Frame (H, W, 3) uint8 RGB."""
        ...


class SizedSource(FrameSource, Protocol):
    """A clip that knows how large its frames are."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        ...
