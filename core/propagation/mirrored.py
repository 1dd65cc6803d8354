"""A propagation network that sees everything flipped left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..ports import Key, PropagationNet, Value
    from ..types import Image, Mattes


class MirroredNet:
    """Implements `PropagationNet`; pictures and maps go in, and come out, the right way round."""

    def __init__(self, net: PropagationNet) -> None:
        self._net = net

    def encode_key(self, image: Image) -> Key:
        """See `PropagationNet`."""
        return self._net.encode_key(np.ascontiguousarray(image[:, ::-1]))

    def encode_value(self, image: Image, key: Key, mattes: Mattes) -> Value:
        """See `PropagationNet`."""
        return self._net.encode_value(np.ascontiguousarray(image[:, ::-1]), key, _flipped(mattes))

    def segment(self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None = None) -> Mattes:
        """See `PropagationNet`."""
        return _flipped(self._net.segment(query, memory, None if previous is None else _flipped(previous)))

    def megabytes(self, key: Key, value: Value) -> float:
        """See `PropagationNet`."""
        return self._net.megabytes(key, value)

    def resemblance(self, query: Key, mattes: Mattes, examples: Sequence[tuple[Key, Mattes]]) -> Mattes:
        """See `PropagationNet`."""
        seen = [(key, _flipped(known)) for key, known in examples]
        return _flipped(self._net.resemblance(query, _flipped(mattes), seen))

    def attention(self, query: Key, keyframe: Key, difference: Mattes) -> Mattes:
        """See `PropagationNet`."""
        return _flipped(self._net.attention(query, keyframe, _flipped(difference)))


def _flipped(maps: Mattes) -> Mattes:
    return np.ascontiguousarray(maps[..., ::-1])
