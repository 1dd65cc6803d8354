"""Protocols for what the engine needs from outside; `models/inference/predictors.py` implements them structurally.

Images passed to the networks are already cropped and scaled to working size by the engine: (h, w, 3) uint8 RGB. Keys
and values are opaque handles that the engine only stores, so it needs no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .types import Image, Map, Matte, Mattes

Key = Any
Value = Any


class Before(NamedTuple):
    """The frame before, as a network that carries a state from frame to frame needs it.

    Attributes:
        key: handle of that frame; the network keeps the state on it.
        window: the query's crop within that frame's crop: x0, y0, x1, y1, where 0 and 1 are the sides of the latter.
    """

    key: Key
    window: tuple[float, float, float, float]


class ScribbleNet(Protocol):
    """Stroke-to-mask network; without strokes and a previous mask it proposes the foreground."""

    def predict(self, image: Image, previous: Matte, keep: Map, remove: Map) -> Matte:
        """Returns a refined matte (h, w) float32 in [0, 1]; `keep`, `remove`: stroke maps (h, w) in [0, 1]."""
        ...

    def foreground(self, image: Image) -> Matte:
        """Returns a first guess (h, w) float32 in [0, 1] of the foreground object(s)."""
        ...


class PropagationNet(Protocol):
    """Space-time memory network (STCN form: keys from the image alone, values from image and mattes)."""

    def encode_key(self, image: Image) -> Key:
        """Returns the key of a frame, with the skip features that decoding needs; called once per frame."""
        ...

    def encode_value(self, image: Image, key: Key, mattes: Mattes) -> Value:
        """Returns the value of a frame whose mattes (N, h, w) are known."""
        ...

    def segment(self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None = None) -> Mattes:
        """Returns mattes (N, h, w) float32 in [0, 1] of the query frame, aggregated over the N objects.

        `previous` (N, h, w), the frame before seen through the query's crop, hints at the position; None = unknown.
        """
        ...

    def megabytes(self, key: Key, value: Value) -> float:
        """Returns how much device memory this frame takes as a memory entry, in MB of 2^20 bytes."""
        ...

    def resemblance(self, query: Key, mattes: Mattes, examples: Sequence[tuple[Key, Mattes]]) -> Mattes:
        """Returns how much more a pixel looks like the object than like anything else in the examples.

        Shape (N, h, w) float32 in [-2, 2], of the query frame; 0 where nothing was compared: outside the found `mattes`
        (N, h, w), and where they fill too little. 2 where the examples show nothing but the object. `examples` are
        frames with believed mattes (N, h', w'), where 0.05 to 0.5 counts neither as the object nor as anything else.
        """
        ...

    def attention(self, query: Key, keyframe: Key, difference: Mattes) -> Mattes:
        """Returns maps (M, h, w) carried from the keyframe to the query frame by their affinity (MiVOS, 3.3)."""
        ...


class RecurrentNet(PropagationNet, Protocol):
    """A propagation network that also carries a state from frame to frame, such as Cutie's sensory memory.

    Whatever lacks `segment_after` is used through `segment`; for this network that is a frame without one before. A key
    with a state belongs to one walk, so such a network is not shared between several hypotheses.
    """

    def segment_after(
        self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None, before: Before | None
    ) -> Mattes:
        """Returns mattes as `segment` does, given the frame before (None = not known), and keeps the state on `query`.

        `encode_value` of that key then continues the state with the mattes that were believed.
        """
        ...


class AutomaticNet(Protocol):
    """Finds what people cut most in a picture, without strokes."""

    def find(self, image: Image) -> Mattes:
        """Returns mattes (3, h, w) float32 in [0, 1] of the people, of their heads, and of the sky."""
        ...


class EdgeNet(Protocol):
    """Finds alpha along an object's edge, in pictures at full resolution."""

    def predict(self, image: Image, matte: Matte) -> Matte:
        """Returns alpha (h, w) float32 in [0, 1] of a part of a picture, given its matte (h, w)."""
        ...


@runtime_checkable
class FrameSource(Protocol):
    """A clip with random access to exact frames. Raises FrameReadError."""

    def __len__(self) -> int: ...

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8 RGB."""
        ...


class SizedSource(FrameSource, Protocol):
    """A clip that knows its frame size."""

    @property
    def size(self) -> tuple[int, int]:
        """Returns (height, width) in pixels."""
        ...
