"""A propagation network whose answers serve every walk that asks the same: walks share all work until they part."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ports import Key, PropagationNet, Value
    from ..types import Image, Mattes


class SharedNet:
    """Implements `PropagationNet`; answers are equal to the network's own, and must not be changed.

    Args:
        net: the network.
        most: number of the latest answers of each kind that are kept.
    """

    def __init__(self, net: PropagationNet, most: int) -> None:
        self._net = net
        self._keys: deque[tuple[tuple[int, ...], bytes, Key]] = deque(maxlen=most)
        self._values: deque[tuple[Key, bytes, Value]] = deque(maxlen=most)
        self._mattes: deque[tuple[Key, list[tuple[Key, Value]], bytes | None, Mattes]] = deque(maxlen=most)

    def encode_key(self, image: Image) -> Key:
        """See `PropagationNet`."""
        asked = image.tobytes()
        for shape, seen, key in self._keys:
            if shape == image.shape and seen == asked:
                return key
        key = self._net.encode_key(image)
        self._keys.append((image.shape, asked, key))
        return key

    def encode_value(self, image: Image, key: Key, mattes: Mattes) -> Value:
        """See `PropagationNet`."""
        asked = mattes.tobytes()
        for known, seen, value in self._values:
            if known is key and seen == asked:
                return value
        value = self._net.encode_value(image, key, mattes)
        self._values.append((key, asked, value))
        return value

    def segment(self, query: Key, memory: Sequence[tuple[Key, Value]], previous: Mattes | None = None) -> Mattes:
        """See `PropagationNet`."""
        asked = None if previous is None else previous.tobytes()
        for known, entries, seen, found in self._mattes:
            if known is query and seen == asked and _same(entries, memory):
                return found
        found = self._net.segment(query, memory, previous)
        self._mattes.append((query, list(memory), asked, found))
        return found

    def megabytes(self, key: Key, value: Value) -> float:
        """See `PropagationNet`."""
        return self._net.megabytes(key, value)

    def resemblance(self, query: Key, mattes: Mattes, examples: Sequence[tuple[Key, Mattes]]) -> Mattes:
        """See `PropagationNet`."""
        return self._net.resemblance(query, mattes, examples)

    def attention(self, query: Key, keyframe: Key, difference: Mattes) -> Mattes:
        """See `PropagationNet`."""
        return self._net.attention(query, keyframe, difference)


def _same(entries: Sequence[tuple[Key, Value]], others: Sequence[tuple[Key, Value]]) -> bool:
    return len(entries) == len(others) and all(a[1] is b[1] for a, b in zip(entries, others, strict=True))
