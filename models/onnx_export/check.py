"""Compares the graphs with the networks that they were made from, on pictures with strokes and several objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import WeightsDamaged
from ..inference import predictors as torch_predictors
from ..onnx_inference import predictors as onnx_predictors
from ..registry import WEIGHTS

Array = NDArray[np.float32]
MOST = 1.0 / 255.0
"""Largest difference of a matte that no mask shows."""
SIZES = ((50, 83), (160, 208), (288, 416))


def differences() -> Iterator[tuple[str, float]]:
    """Yields the largest difference of any matte, for each weights of the registry by name."""
    for name, entry in WEIGHTS.items():
        of = _MATTES[entry.network]
        found = zip(of(torch_predictors, name), of(onnx_predictors, name), strict=True)
        yield name, max(float(np.abs(a - b).max()) for a, b in found)


def check_all() -> Iterator[tuple[str, float]]:
    """Yields what `differences` does. Raises WeightsDamaged where a mask would show the difference."""
    for name, most in differences():
        if not most <= MOST:
            raise WeightsDamaged(f"The graphs of {name} give mattes that differ by {most:.3f} from PyTorch's.")
        yield name, most


def disc(size_hw: tuple[int, int], y: float, x: float, radius: float) -> Array:
    """Returns a disc (h, w) with a soft edge; place and radius as shares of the sides and of the shorter one."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]]
    distance = np.hypot(rows - y * size_hw[0], columns - x * size_hw[1])
    return np.clip(radius * min(size_hw) - distance + 0.5, 0.0, 1.0).astype(np.float32)


def scene(size_hw: tuple[int, int], objects: int = 1, step: int = 0) -> tuple[NDArray[np.uint8], Array]:
    """Returns a picture (h, w, 3) of discs on a mottled ground, which move with `step`, and their mattes (N, h, w)."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(40, 140, (-(-size_hw[0] // 8), -(-size_hw[1] // 8), 3))
    picture = np.kron(coarse, np.ones((8, 8, 1)))[: size_hw[0], : size_hw[1]]
    places = [(0.4 + 0.05 * n, (n + 0.6 + 0.05 * step) / (objects + 0.3)) for n in range(objects)]
    mattes = np.stack([disc(size_hw, y, x, 0.16) for y, x in places])
    for n, matte in enumerate(mattes):
        picture = picture + matte[..., None] * (np.roll((230, 90, 50), n) - picture)
    return picture.astype(np.uint8), mattes


def _scribble(library: object, name: str) -> Iterator[Array]:
    net = library.load_scribble(name)  # type: ignore[attr-defined]
    for size in SIZES:
        picture, (matte,) = scene(size)
        empty = np.zeros(size, np.float32)
        keep, remove = disc(size, 0.4, 0.46, 0.05), disc(size, 0.8, 0.8, 0.06)
        yield net.foreground(picture)
        yield net.predict(picture, empty, keep, empty)
        yield net.predict(picture, matte, keep, remove)


def _propagation(library: object, name: str) -> Iterator[Array]:
    net = library.load_propagation(name)  # type: ignore[attr-defined]
    for size, objects in zip(SIZES, (1, 2, 3), strict=True):
        first, mattes = scene(size, objects)
        keyframe = net.encode_key(first)
        memory, previous, query = [(keyframe, net.encode_value(first, keyframe, mattes))], mattes, keyframe
        for step in (1, 2, 3):
            picture, _ = scene(size, objects, step)
            query = net.encode_key(picture)
            previous = net.segment(query, memory, None if step == 1 else previous)
            yield previous
            memory.append((query, net.encode_value(picture, query, previous)))
        yield net.attention(query, keyframe, mattes - previous)
        yield net.resemblance(query, previous, [(keyframe, mattes)])


def _edge(library: object, name: str) -> Iterator[Array]:
    net = library.load_edge(name)  # type: ignore[attr-defined]
    for size in ((40, 64), (64, 176), (150, 100)):
        picture, (matte,) = scene(size)
        yield net.predict(picture, matte)


def _automatic(library: object, name: str) -> Iterator[Array]:
    net = library.load_automatic(name)  # type: ignore[attr-defined]
    for size in SIZES:
        yield net.find(scene(size)[0])


_MATTES: dict[str, Callable[[object, str], Iterator[Array]]] = {
    "ScribbleToMask": _scribble,
    "PropagationNet": _propagation,
    "EdgeNet": _edge,
    "AutomaticNet": _automatic,
}
