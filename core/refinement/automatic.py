"""Masks without strokes: a person, a head, the sky, or everything behind the people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import InputError
from ..images.crop import Crop, closer_crops, overview, whole_picture
from ..images.matte import check_image
from ..types import AUTO_MODES, Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import AutomaticNet
    from ..types import Image, Matte

FOREGROUND, PERSON, HEAD, SKY, BACKGROUND = AUTO_MODES
_CHANNELS = {PERSON: 0, HEAD: 1, SKY: 2}
SMALLEST = {PERSON: 0.001, HEAD: 0.0002, SKY: 0.003}
"""Share of the picture: what is found and smaller counts as nothing."""
FIRST = 0.3
"""Probability from which people and heads are looked at closer: the picture and its mirror image may disagree."""
GAP = 0.01
"""Share of the picture's shorter side: parts nearer to each other are the same person."""


def check_mode(mode: str) -> None:
    """Raises InputError unless there is such a mode."""
    if mode not in AUTO_MODES:
        raise InputError(f"There is no mode {mode!r}.", f"Choose one of: {', '.join(AUTO_MODES)}.")


def people(net: AutomaticNet, image: Image, working_px: int = 320) -> Matte:
    """Returns the matte (H, W) float32 of all people in (H, W, 3) uint8 RGB, zeros if there are none."""
    look = _Look(net, image, working_px)
    return look.closer(PERSON, look.overview[PERSON])


def find_people(net: AutomaticNet, image: Image, working_px: int = 320) -> tuple[tuple[float, float], ...]:
    """Returns a point (x, y) in pixels inside each person in (H, W, 3) uint8 RGB, that of the largest first."""
    look = _Look(net, image, working_px)
    small = look.overview[PERSON]
    parts = _parts(small)
    least = SMALLEST[PERSON] * parts.size
    sizes = np.bincount(parts.ravel())
    numbers = sorted((n for n in range(1, len(sizes)) if sizes[n] >= least), key=lambda n: -sizes[n])
    return tuple(look.point_in(parts == number) for number in numbers)


def automatic(
    net: AutomaticNet, image: Image, mode: str, working_px: int = 320, at: tuple[float, float] | None = None
) -> Matte:
    """Returns the matte (H, W) float32 in [0, 1] of one person, of one head, or of the sky; zeros where there is none.

    A person is looked at once more in a close-up, a head is looked for in the close-up of its person.

    Args:
        net: finds all three.
        image: (H, W, 3) uint8 RGB.
        mode: person, head or sky.
        working_px: side, in pixels, of the square the network works on, roughly.
        at: (x, y) in pixels, on or next to the one that is meant; None = the largest.

    Raises:
        InputError: not such a picture.
    """
    look = _Look(net, image, working_px)
    if mode == SKY:
        return look.whole(SKY)
    person = look.one(look.overview[PERSON], at)
    if mode == PERSON:
        return look.closer(PERSON, person, alone=True)
    there = look.overview[HEAD]
    if (person > 0.5).mean() >= SMALLEST[PERSON]:
        inside = look.seen_closer(HEAD, person)
        there = inside if (inside > 0.5).mean() >= SMALLEST[HEAD] else there
    return look.closer(HEAD, look.one(there, at), alone=True)


class _Look:
    """Looks at a picture, as a whole and closer; small mattes are of the size of its `overview`."""

    def __init__(self, net: AutomaticNet, image: Image, working_px: int) -> None:
        check_image(image)
        self._net, self._image, self._px = net, image, working_px
        self._size = image.shape[0], image.shape[1]
        self._crop = whole_picture(self._size, working_px)
        self._found = net.find(self._crop.to_crop(image))
        self.overview = {mode: _overview(self._found[k], self._size) for mode, k in _CHANNELS.items()}
        for mode in (PERSON, HEAD):
            self.overview[mode] = np.minimum(self.overview[mode] * np.float32(0.5 / FIRST), np.float32(1))

    def whole(self, mode: str) -> Matte:
        """Returns what was found in the whole picture (H, W); zeros if it is too little."""
        if (self.overview[mode] > 0.5).mean() < SMALLEST[mode]:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._crop.from_crop(self._found[_CHANNELS[mode]], self._size))

    def one(self, small: Matte, at: tuple[float, float] | None) -> Matte:
        """Returns one of the separate things in a small matte: the largest, or the one nearest to a point."""
        n = overview(self._size)[0]
        part = _part(small, None if at is None else (at[0] / n, at[1] / n))
        return np.where(part, small, np.float32(0))

    def point_in(self, there: NDArray[np.bool_]) -> tuple[float, float]:
        """Returns the point (x, y) of the picture that lies deepest in a small mask."""
        depth = cv2.distanceTransform(np.pad(there.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        n = overview(self._size)[0]
        return min(n * (int(x) + 0.5), self._size[1] - 0.5), min(n * (int(y) + 0.5), self._size[0] - 0.5)

    def closer(self, mode: str, small: Matte, alone: bool = False) -> Matte:
        """Returns a second look (H, W) at what a small matte shows; `alone`: only at that, not at what is beside it."""
        if (small > 0.5).mean() < SMALLEST[mode]:
            return np.zeros(self._size, np.float32)
        crops = closer_crops(small, self._size, self._px)
        crop, found = self._crop, self._found
        if crops is not None:
            crop = crops[0]
            found = self._net.find(crop.to_crop(self._image))
        matte = np.asarray(crop.from_crop(found[_CHANNELS[mode]], self._size))
        if alone:
            matte = np.where(_near(matte, small, self._size), matte, np.float32(0))
        return matte if (matte > 0.5).any() else np.zeros(self._size, np.float32)

    def seen_closer(self, mode: str, around: Matte) -> Matte:
        """Returns the small matte of what a close-up of another thing shows."""
        crops = closer_crops(around, self._size, self._px)
        if crops is None:
            return self.overview[mode]
        found = self._net.find(crops[0].to_crop(self._image))
        return np.asarray(crops[1].from_crop(found[_CHANNELS[mode]], overview(self._size)[1]))


def _overview(matte: Matte, size: tuple[int, int]) -> Matte:
    """Returns what was found in the whole picture at the size of its `overview`."""
    small = overview(size)[1]
    return np.asarray(Crop(Box(0, 0, small[1], small[0]), (matte.shape[0], matte.shape[1])).from_crop(matte, small))


def _part(matte: Matte, at: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Returns where one of the separate things in a matte (h, w) is: the largest, or the one nearest to a point."""
    parts = _parts(matte)
    there = parts > 0
    if not there.any():
        return np.zeros(matte.shape, np.bool_)
    if at is None:
        number = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    else:
        ys, xs = np.nonzero(there)
        nearest = int(np.hypot(xs + 0.5 - at[0], ys + 0.5 - at[1]).argmin())
        number = int(parts[ys[nearest], xs[nearest]])
    return np.asarray(cv2.dilate((parts == number).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _parts(matte: Matte) -> NDArray[np.int32]:
    """Returns the separate things in a matte (h, w), numbered from 1; 0 where nothing is."""
    there = matte > 0.5
    gap = max(round(GAP * min(matte.shape)), 1)
    grown = cv2.dilate(there.astype(np.uint8), np.ones((2 * gap + 1, 2 * gap + 1), np.uint8))
    return np.asarray(np.where(there, cv2.connectedComponents(grown)[1], 0), np.int32)


def _near(matte: Matte, chosen: Matte, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Returns where (H, W) the thing of `chosen` (h, w) is in the closer look: its parts that touch it, with a rim."""
    n, small = overview(size)
    seen = cv2.resize(matte, (small[1], small[0]), interpolation=cv2.INTER_AREA)
    _, parts = cv2.connectedComponents((seen > 0.5).astype(np.uint8))
    touched = np.unique(parts[(parts > 0) & (chosen > 0.5)])
    gap = max(round(GAP * min(small)), 1)
    kept = cv2.dilate(
        np.isin(parts, touched[touched > 0]).astype(np.uint8), np.ones((2 * gap + 1, 2 * gap + 1), np.uint8)
    )
    whole = cv2.resize(kept, (small[1] * n, small[0] * n), interpolation=cv2.INTER_NEAREST)
    return np.asarray(whole[: size[0], : size[1]] > 0)
