"""The predictors of `inference.predictors` with ONNX graphs; the same functions, up to rounding, on the processor.

They implement the Protocols of `core.ports` structurally. Images come already cropped and scaled to working size,
(h, w, 3) uint8 RGB; any size is padded to a multiple of 16 and the result cropped back. Numbers have 32 bits, also for
the tiers that PyTorch computes in bfloat16: ONNX Runtime has no bfloat16 convolution on processors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..inference.memory_stack import MemoryStack
from ..inference.object_windows import FAR, STRIDE, Window, windows_around
from . import arrays
from .graph import Array, Graph, open_graph, open_recall

Image = NDArray[np.uint8]


class ScribblePredictor:
    """Strokes to mask, and the first guess of the foreground, with one network."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def predict(self, image: Image, previous: Array, keep: Array, remove: Array) -> Array:
        """Returns the matte (h, w) float32 in [0, 1] of the object after a round.

        Args:
            image: (h, w, 3) uint8 RGB at working size.
            previous: (h, w) matte before the round, zeros in a first round.
            keep: (h, w) strokes inside the object, in [0, 1].
            remove: (h, w) strokes outside it, in [0, 1].
        """
        maps = {"previous": previous, "keep": keep, "remove": remove}
        padded = {name: arrays.padded(array[None, None]) for name, array in maps.items()}
        (matte,) = self._graph(image=arrays.picture(image), **padded)
        return arrays.cropped(matte[0, 0], (image.shape[0], image.shape[1]))

    def foreground(self, image: Image) -> Array:
        """Returns the first guess (h, w) float32 in [0, 1] of the foreground object(s) from the picture alone."""
        empty = np.zeros(image.shape[:2], np.float32)
        return self.predict(image, empty, empty, empty)


class FrameMaps(NamedTuple):
    """The maps of `networks.propagation_net.FrameKey`."""

    key: Array
    thin: Array
    f16: Array
    f8: Array
    f4: Array
    f2: Array


@dataclass(eq=False)
class FrameKeys:
    """Handle of an encoded frame: features, and its picture.

    Attributes:
        image: (h, w, 3) uint8 RGB.
        key: (1, Ck, h / 16, w / 16).
        f16: (1, C, h / 16, w / 16).
        nbytes: of all its maps when it was encoded.
        maps: all of them; None once the frame has a value, because most of their bytes only serve to decode it.
    """

    image: Image
    key: Array
    f16: Array
    nbytes: int
    maps: FrameMaps | None

    @cached_property
    def directions(self) -> Array:
        """The features of its places as unit vectors (P, C)."""
        return arrays.directions(arrays.rows(self.f16))

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width before padding."""
        return self.image.shape[0], self.image.shape[1]

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width in places."""
        height, width = self.key.shape[-2:]
        return height, width


@dataclass(frozen=True, eq=False)
class Value:
    """Handle of a remembered frame: keys (P, Ck) and values (P, N * Cv) over its P places."""

    keys: Array
    values: Array
    objects: int


class PropagationGraphs(NamedTuple):
    """The parts of a propagation network."""

    key: Graph
    value: Graph
    decode: Graph
    recall: Graph


class PropagationPredictor:
    """Space-time memory segmentation of frames at working size."""

    def __init__(self, graphs: PropagationGraphs) -> None:
        self._graphs = graphs
        self._stack = MemoryStack(lambda like, shape: np.empty(shape, like.dtype))
        self._last: tuple[FrameKeys, Array] | None = None

    def encode_key(self, image: Image) -> FrameKeys:
        """Returns the handle of a frame (h, w, 3) uint8 RGB; once for each frame, whatever the number of objects."""
        maps = FrameMaps(*self._graphs.key(image=arrays.picture(image)))
        return FrameKeys(image.copy(), maps.key, maps.f16, sum(one.nbytes for one in maps), maps)

    def encode_value(self, image: Image, key: FrameKeys, mattes: Array) -> Value:
        """Returns the handle of a frame whose mattes (N, h, w) in [0, 1] are known; its maps for decoding are freed."""
        picture, maps = arrays.picture(image), arrays.padded(mattes)
        masks = np.stack((maps, arrays.other_objects(maps)), axis=1)
        windows = windows_around(mattes)
        if windows is None:
            count = len(masks)
            (values,) = self._graphs.value(
                image=picture.repeat(count, axis=0), masks=masks, f16=key.f16.repeat(count, axis=0)
            )
        else:
            values = self._values_in_windows(picture, key, masks, windows)
        flat = values.transpose(2, 3, 0, 1).reshape(values.shape[2] * values.shape[3], -1)
        key.maps = None
        return Value(arrays.rows(key.key), np.ascontiguousarray(flat), len(values))

    def _values_in_windows(self, picture: Array, frame: FrameKeys, masks: Array, windows: list[Window]) -> Array:
        """Returns values (N, Cv, h, w), see `inference.windows.values_in_windows`."""
        if self._last is not None and self._last[0] is frame:
            values = self._last[1].copy()
        else:
            everyone = masks[:, 0].sum(axis=0, keepdims=True).clip(0.0, 1.0)
            nobody = np.stack((np.zeros_like(everyone), everyone), axis=1)
            (without,) = self._graphs.value(image=picture, masks=nobody, f16=frame.f16)
            values = without.repeat(len(windows), axis=0)
        for n, window in enumerate(windows):
            (near,) = self._graphs.value(
                image=window.of(picture, 1),
                masks=window.of(masks[n : n + 1], 1),
                f16=window.of(frame.f16, STRIDE),
            )
            inner = window.within(*values.shape[-2:])  # at its rim a convolution lacks what lies beyond
            values[n, :, inner.y0 : inner.y1, inner.x0 : inner.x1] = near[
                0, :, inner.y0 - window.y0 : inner.y1 - window.y0, inner.x0 - window.x0 : inner.x1 - window.x0
            ]
        return values

    def segment(
        self, query: FrameKeys, memory: Sequence[tuple[FrameKeys, Value]], previous: Array | None = None
    ) -> Array:
        """Returns the mattes (N, h, w) float32 in [0, 1] of the query frame; see `core.ports.PropagationNet`."""
        keys, values = self._stack.update([value for _, value in memory])
        objects, (height, width) = memory[0][1].objects, query.grid
        carried = self._read(keys, values, query)
        readout = np.ascontiguousarray(carried.reshape(height, width, objects, -1).transpose(2, 3, 0, 1))
        windows = None
        if previous is None:  # the hint has no bias: zeros change nothing
            hints = np.zeros((objects, 2, height * STRIDE, width * STRIDE), np.float32)
        else:
            maps = arrays.padded(previous)
            hints = np.stack((maps, arrays.other_objects(maps)), axis=1)
            windows = windows_around(previous)
        self._last = None if windows is None else (query, readout)
        frame = query.maps or FrameMaps(*self._graphs.key(image=arrays.picture(query.image)))
        if windows is None:
            logits = self._decode(readout, hints, frame)
        else:
            logits = np.full((objects, height * STRIDE, width * STRIDE), FAR, np.float32)
            for n, window in enumerate(windows):
                part = FrameMaps(*(window.of(maps, stride) for maps, stride in zip(frame, _STRIDES, strict=True)))
                one = slice(n, n + 1)
                near = self._decode(window.of(readout[one], STRIDE), window.of(hints[one], 1), part)
                window.of(logits, 1)[n] = near[0]
        return arrays.cropped(arrays.aggregate_mattes(logits), query.size_hw)

    def _decode(self, readout: Array, hints: Array, frame: FrameMaps) -> Array:
        """Returns logits (N, H, W)."""
        (logits,) = self._graphs.decode(
            readout=readout, previous=hints, thin=frame.thin, f8=frame.f8, f4=frame.f4, f2=frame.f2
        )
        return logits[:, 0]

    def _read(self, keys: Array, values: Array, query: FrameKeys) -> Array:
        """Returns what the query's places read (Q, V) from values (M, V) of memory places with keys (M, Ck)."""
        (carried,) = self._graphs.recall(keys=keys, values=values, query=arrays.rows(query.key))
        return carried

    def megabytes(self, key: FrameKeys, value: Value) -> float:
        """Returns what a remembered frame takes with PyTorch: its features, keys, values, and a copy of those.

        Here it takes less, but which frames are remembered must not depend on what runs the networks.
        """
        return (key.nbytes + 2 * (value.keys.nbytes + value.values.nbytes)) / 2**20

    def resemblance(self, query: FrameKeys, mattes: Array, examples: Sequence[tuple[FrameKeys, Array]]) -> Array:
        """Returns (N, h, w) float32 in [-2, 2]: how much more a place resembles the object than anything else known.

        Args:
            query: the frame.
            mattes: (N, h, w) what was found on it; only places inside are compared, all others are 0.
            examples: frames and their mattes (N, h', w'). An object that shows in none of them resembles nothing.
        """
        places = np.concatenate([key.directions for key, _ in examples])
        shares = np.concatenate([_places(maps) for _, maps in examples], axis=1)
        margins = arrays.margins(query.directions, _places(mattes), places, shares)
        return arrays.cropped(arrays.repeated(margins.reshape(-1, *query.grid)), query.size_hw)

    def attention(self, query: FrameKeys, keyframe: FrameKeys, difference: Array) -> Array:
        """Returns maps (M, h, w) float32: `difference` (M, h', w') of the keyframe, carried to the query by affinity.

        For fusion (MiVOS, section 3.3): finds where the artist's change on the keyframe went on this frame.
        """
        shares = np.ascontiguousarray(_places(difference).T)
        carried = self._read(arrays.rows(keyframe.key), shares, query)
        height, width = query.grid
        grid = np.ascontiguousarray(carried.T).reshape(-1, height, width)
        return arrays.cropped(arrays.resized(grid, (height * STRIDE, width * STRIDE)), query.size_hw)


_STRIDES = STRIDE, STRIDE, STRIDE, 8, 4, 2
"""Of a frame's maps, in their order."""


def _places(mattes: Array) -> Array:
    """Returns the share of each place that mattes (N, h, w) cover, (N, P)."""
    return arrays.pooled(arrays.padded(mattes)).reshape(len(mattes), -1)


class AutomaticPredictor:
    """People, heads and sky in a picture."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def find(self, image: Image) -> Array:
        """Returns mattes (3, h, w) float32 in [0, 1] of people, heads and sky: the mean of two looks, one mirrored."""
        height, width = image.shape[:2]
        mirrored = np.ascontiguousarray(image[:, ::-1])
        (found,) = self._graph(image=np.concatenate((arrays.picture(image), arrays.picture(mirrored))))
        upright, other = found[:, :, :height, :width]
        return np.ascontiguousarray(0.5 * (upright + other[..., ::-1]), np.float32)


class EdgePredictor:
    """Alpha along an object's edge, on parts of a picture at full resolution."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def predict(self, image: Image, matte: Array) -> Array:
        """Returns alpha (h, w) float32 in [0, 1].

        Args:
            image: (h, w, 3) uint8 RGB.
            matte: (h, w) in [0, 1].
        """
        picture, known = arrays.picture(image)[0], arrays.padded(matte[None], "edge")
        (found,) = self._graph(seen=arrays.evidence(picture, known)[None], matte=known[None])
        return arrays.cropped(found[0, 0].astype(np.float32), (image.shape[0], image.shape[1]))


def load_scribble(weights: str = "scribble", threads: int = 0) -> ScribblePredictor:
    """Returns the predictor with weights of the registry.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent, or not the one in the registry.
    """
    return ScribblePredictor(open_graph(weights, "matte", threads, rare=True))


def load_propagation(weights: str = "propagation", threads: int = 0) -> PropagationPredictor:
    """Returns the predictor with weights of the registry.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent, or not the one in the registry.
    """
    key, value, decode = (open_graph(weights, part, threads) for part in ("key", "value", "decode"))
    return PropagationPredictor(PropagationGraphs(key, value, decode, open_recall(threads)))


def load_automatic(weights: str = "automatic", threads: int = 0) -> AutomaticPredictor:
    """Returns the predictor with weights of the registry.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent, or not the one in the registry.
    """
    return AutomaticPredictor(open_graph(weights, "find", threads, rare=True))


def load_edge(weights: str = "edge", threads: int = 0) -> EdgePredictor:
    """Returns the predictor with weights of the registry.

    Raises:
        WeightsMissing, WeightsDamaged: a file is absent, or not the one in the registry.
    """
    return EdgePredictor(open_graph(weights, "alpha", threads, rare=True))
