"""Stand-ins for the networks and a synthetic clip, for tests only; no product code imports this module.

The fake networks really segment, by colour, so tests check the masks that come out rather than calls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .types import Image, Map, Matte, Mattes

_BITS = 8
_REACH = 60.0  # colours closer than this belong to the same object


class FakeScribbleNet:
    """Stroke network by colour: strokes add or remove the connected area of the colour under them.

    Without strokes it returns the foreground, as seen in the crop.
    """

    def predict(self, image: Image, previous: Matte, keep: Map, remove: Map) -> Matte:
        """See `ScribbleNet`."""
        matte: Matte = np.array(previous)
        if (previous > 0.5).any() and not keep.any() and not remove.any():
            return self.foreground(image)
        for strokes, value in ((keep, 1.0), (remove, 0.0)):
            if strokes.any():
                near = _near(image, np.median(image[strokes > 0], axis=0))
                _, parts = cv2.connectedComponents(near.astype(np.uint8))
                touched = np.unique(parts[(strokes > 0) & near])
                matte[near & np.isin(parts, touched)] = value
                matte[strokes > 0] = value
        return matte

    def foreground(self, image: Image) -> Matte:
        """See `ScribbleNet`; returns everything that differs from the colour of the picture's border."""
        rim = np.concatenate((image[0], image[-1], image[:, 0], image[:, -1]))
        return (~_near(image, np.median(rim, axis=0))).astype(np.float32)


class FakeAutomaticNet:
    """People, heads and sky by colour; a head counts as part of its person.

    Attributes:
        least: pixels that a head must cover in the crop to be seen.
    """

    PERSON, HEAD, SKY = (220, 40, 40), (230, 210, 40), (120, 190, 250)

    def __init__(self, least: int = 0) -> None:
        self.least = least

    def find(self, image: Image) -> Mattes:
        """See `AutomaticNet`."""
        person, head, sky = (_near(image, np.array(colour)) for colour in (self.PERSON, self.HEAD, self.SKY))
        return np.stack((person | head, head & (head.sum() >= self.least), sky)).astype(np.float32)


class FakeKey(NamedTuple):
    """Key of the fake network, the picture itself."""

    image: NDArray[Any]


class FakeValue(NamedTuple):
    """Value of the fake network: the mean colour of each object, (N, 3), NaN for an absent object."""

    colours: NDArray[Any]


class FakePropagationNet:
    """Space-time memory by colour; counts its calls.

    Attributes:
        counts: calls of each method, by name.
        largest_memory: most entries it was ever given.
    """

    def __init__(self) -> None:
        self.counts = {"encode_key": 0, "encode_value": 0, "segment": 0, "attention": 0}
        self.largest_memory = 0

    def encode_key(self, image: Image) -> FakeKey:
        """See `PropagationNet`."""
        self.counts["encode_key"] += 1
        return FakeKey(image)

    def encode_value(self, image: Image, key: FakeKey, mattes: Mattes) -> FakeValue:
        """See `PropagationNet`."""
        self.counts["encode_value"] += 1
        means = [image[m > 0.5].mean(axis=0) if (m > 0.5).any() else np.full(3, np.nan) for m in mattes]
        return FakeValue(np.stack(means))

    def segment(
        self, query: FakeKey, memory: Sequence[tuple[FakeKey, FakeValue]], previous: Mattes | None = None
    ) -> Mattes:
        """See `PropagationNet`; colour needs no hint about position."""
        self.counts["segment"] += 1
        self.largest_memory = max(self.largest_memory, len(memory))
        colours = np.stack([value.colours for _, value in memory])  # (T, N, 3)
        out = np.zeros((colours.shape[1], *query.image.shape[:2]), np.float32)
        for n in range(colours.shape[1]):
            for colour in colours[:, n]:
                if np.isfinite(colour).all():
                    out[n] = np.maximum(out[n], _near(query.image, colour))
        return aggregate(out)

    def megabytes(self, key: FakeKey, value: FakeValue) -> float:
        """See `PropagationNet`."""
        return (key.image.nbytes + value.colours.nbytes) / 2**20

    def resemblance(self, query: FakeKey, mattes: Mattes, examples: Sequence[tuple[FakeKey, Mattes]]) -> Mattes:
        """See `PropagationNet`; 1 on whatever was found: by colour nothing else is ever mistaken for the object."""
        return (mattes > 0.5).astype(np.float32)

    def attention(self, query: FakeKey, keyframe: FakeKey, difference: Mattes) -> Mattes:
        """See `PropagationNet`; returns the mean difference of the keyframe's pixels of the same (coarse) colour."""
        self.counts["attention"] += 1
        here, there = _bins(query.image), _bins(keyframe.image)
        number = np.bincount(there.ravel(), minlength=512)
        sums = [np.bincount(there.ravel(), d.ravel(), minlength=512) for d in difference]
        return np.stack([(s / np.maximum(number, 1))[here] for s in sums]).astype(np.float32)


class DoubtingPropagationNet(FakePropagationNet):
    """The same, but what it finds is compared with the examples."""

    def resemblance(self, query: FakeKey, mattes: Mattes, examples: Sequence[tuple[FakeKey, Mattes]]) -> Mattes:
        """See `PropagationNet`; 1 where a pixel's (coarse) colour is the object's, -1 where it is something else's."""
        here = _bins(query.image)
        out = np.zeros(mattes.shape, np.float32)
        for n in range(len(mattes)):
            own, other = np.zeros(512), np.zeros(512)
            for key, known in examples:
                bins = _bins(key.image)
                own += np.bincount(bins[known[n] > 0.5], minlength=512)
                other += np.bincount(bins[known[n] < 0.05], minlength=512)
            out[n] = np.where(own > other, 1, -1)[here]
        return out


@dataclass(frozen=True)
class SyntheticClip:
    """A clip with known mattes: one or two coloured discs moving over a grey, textured background.

    Attributes:
        length: number of frames.
        height, width: of the picture.
        radius: of the discs.
        objects: 1 (a red disc) or 2 (plus a blue one below it, moving the other way).
        absent: frames that show no disc.
    """

    length: int = 24
    height: int = 120
    width: int = 200
    radius: int = 18
    objects: int = 1
    absent: Collection[int] = ()

    COLOURS = ((220, 40, 40), (40, 60, 220))

    @property
    def size(self) -> tuple[int, int]:
        """Returns (height, width)."""
        return self.height, self.width

    def __len__(self) -> int:
        return self.length

    def centre(self, frame: int, n: int = 0) -> tuple[float, float]:
        """Returns the centre (x, y) of object n, in pixels."""
        share = frame / max(1, self.length - 1)
        share = share if n == 0 else 1 - share
        lane = self.height * (0.5 if self.objects == 1 else (0.3, 0.7)[n])
        return self.radius + 4 + share * (self.width - 2 * self.radius - 8), lane

    def mattes(self, frame: int) -> Mattes:
        """Returns the true mattes (N, H, W)."""
        out = np.zeros((self.objects, self.height, self.width), np.float32)
        if frame not in self.absent:
            y, x = np.mgrid[: self.height, : self.width] + 0.5
            for n in range(self.objects):
                cx, cy = self.centre(frame, n)
                out[n] = (x - cx) ** 2 + (y - cy) ** 2 < self.radius**2
        return out

    def matte(self, frame: int) -> Matte:
        """Returns the true matte (H, W) of the first object."""
        return np.asarray(self.mattes(frame)[0])

    def __getitem__(self, frame: int) -> Image:
        """Returns frame (H, W, 3) uint8."""
        if not 0 <= frame < self.length:
            raise IndexError(frame)
        y, x = np.mgrid[: self.height, : self.width]
        grey = 110 + 25 * ((x // 10 + y // 10) % 2)
        image = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
        for matte, colour in zip(self.mattes(frame), self.COLOURS, strict=False):
            image[matte > 0.5] = colour
        return image


def numbered(number: int, size: tuple[int, int] = (64, 128)) -> Image:
    """Returns a picture that encodes a number (0 to 255) in eight black or white blocks too big for codecs to blur."""
    image = np.zeros((*size, 3), np.uint8)
    block = size[1] // _BITS
    for bit in range(_BITS):
        if number >> bit & 1:
            image[:, bit * block : (bit + 1) * block] = 255
    return image


def number_of(image: Image) -> int:
    """Returns the number encoded in a picture made by `numbered`."""
    block = image.shape[1] // _BITS
    middle = image[image.shape[0] // 2, block // 2 :: block, 1]
    return sum(1 << bit for bit in range(_BITS) if middle[bit] > 127)


def iou(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Returns the intersection over union of two mattes at 0.5; 1 when both are empty."""
    first, second = a > 0.5, b > 0.5
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def _near(image: NDArray[Any], colour: NDArray[Any]) -> NDArray[np.bool_]:
    return np.asarray(np.linalg.norm(image.astype(np.float32) - colour, axis=-1) < _REACH)


def _bins(image: NDArray[Any]) -> NDArray[np.int64]:
    q = image.astype(np.int64) // 32
    return np.asarray(q[..., 0] * 64 + q[..., 1] * 8 + q[..., 2])


def aggregate(mattes: Mattes) -> Mattes:
    """Makes independent mattes (N, H, W) share every pixel with each other and the background (STM, eq. 3).

    Returns:
        (N, H, W) float32 whose sum is at most 1. A single object is returned unchanged.
    """
    if len(mattes) == 1:
        return mattes
    p = np.clip(mattes.astype(np.float64), 1e-6, 1 - 1e-6)
    none = np.clip(np.prod(1 - p, axis=0, keepdims=True), 1e-6, 1 - 1e-6)
    odds = p / (1 - p)
    return np.asarray(odds / (odds.sum(axis=0, keepdims=True) + none / (1 - none)), np.float32)
