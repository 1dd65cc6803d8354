"""Masks without strokes: a person, a head, the sky, or everything behind the people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from ..errors import InputError
from ..images.crop import Crop, closer_crops, overview, whole_picture
from ..images.matte import check_image
from ..types import AUTO_MODES, Box
from .people import SMALLEST_HEAD, find_heads, whose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..ports import AutomaticNet
    from ..types import Image, Matte, Mattes
    from .people import Heads

FOREGROUND, PERSON, HEAD, SKY, BACKGROUND = AUTO_MODES
_CHANNELS = {PERSON: 0, HEAD: 1, SKY: 2}
SMALLEST = {PERSON: 0.001, HEAD: SMALLEST_HEAD, SKY: 0.003}
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
    return tuple(look.point_in(person.small > 0.5) for person in look.everyone())


def each_person(net: AutomaticNet, image: Image, working_px: int = 320) -> list[Matte]:
    """Returns a matte (H, W) float32 of each person in (H, W, 3) uint8 RGB, the largest first; no pixel is in two."""
    look = _Look(net, image, working_px)
    mattes = [look.closer(PERSON, person.small, alone=True, of=person) for person in look.everyone()]
    return [matte for matte in mattes if matte.any()]


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
    person = look.person(at)
    if mode == PERSON:
        return look.closer(PERSON, person.small, alone=True, of=person)
    there = look.overview[HEAD]
    if person.area >= SMALLEST[PERSON] * person.small.size:
        inside = look.seen_closer(HEAD, person)
        there = inside if (inside > 0.5).mean() >= SMALLEST[HEAD] else there
    return look.closer(HEAD, look.one(there, at), alone=True)


class _Person(NamedTuple):
    """Someone in the picture.

    Attributes:
        small: matte (h, w) of the size of the picture's `overview`.
        heads: of the group the person is part of, in its pixels.
        own: number of the person's head; -1 = nobody else is in the group.
    """

    small: Matte
    heads: Heads
    own: int

    @property
    def area(self) -> int:
        """Pixels of `small` that are inside."""
        return int((self.small > 0.5).sum())

    def owns(self, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.bool_]:
        """Returns whether points belong to this person rather than to another one of the group."""
        return np.asarray(whose(self.heads, x, y) == self.own)


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
            self.overview[mode] = _eager(self.overview[mode])
        self._seen = {self._crop: self._found}

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

    def groups(self) -> list[Matte]:
        """Returns the small mattes of people who do not touch each other, the largest first."""
        small, parts = self.overview[PERSON], _parts(self.overview[PERSON])
        sizes = np.bincount(parts.ravel())[1:]
        order = [n for n in np.argsort(-sizes, kind="stable") if sizes[n] >= SMALLEST[PERSON] * small.size]
        return [np.where(_with_rim(parts == n + 1), small, np.float32(0)) for n in order]

    def everyone(self) -> list[_Person]:
        """Returns all people, the largest first."""
        found = [person for group in self.groups() for person in self.people_in(group)]
        return sorted(found, key=lambda person: -person.area)

    def people_in(self, group: Matte) -> list[_Person]:
        """Returns the people of a group: one for each head that a close-up shows."""
        crops = closer_crops(group, self._size, self._px)
        found = _eager(self.overview[HEAD] if crops is None else self._small(crops, HEAD))
        heads = find_heads(found, group > 0.5)
        if len(heads) < 2:
            return [_Person(group, heads, -1)]
        y, x = np.mgrid[: group.shape[0], : group.shape[1]]
        numbers = whose(heads, x, y)
        mattes = [np.where(numbers == n, group, np.float32(0)) for n in range(len(heads))]
        people = [_Person(matte, heads, n) for n, matte in enumerate(mattes)]
        least = SMALLEST[PERSON] * group.size
        return [person for person in people if person.area >= least] or [_Person(group, heads, -1)]

    def person(self, at: tuple[float, float] | None) -> _Person:
        """Returns the largest person, or the one nearest to a point of the picture; an empty one if there is none."""
        best = _Person(np.zeros_like(self.overview[PERSON]), np.zeros((0, 3), np.float32), -1)
        groups = self.groups()
        if at is not None and groups:
            people = self.people_in(min(groups, key=lambda group: self._away(group, at)))
            return min(people, key=lambda person: self._away(person.small, at))
        for group in groups:
            if (group > 0.5).sum() <= best.area:
                break
            best = max((best, *self.people_in(group)), key=lambda person: person.area)
        return best

    def _away(self, small: Matte, at: tuple[float, float]) -> float:
        """Returns how far a point of the picture is from a small matte, in its pixels."""
        n = overview(self._size)[0]
        ys, xs = np.nonzero(small > 0.5)
        return float(np.hypot(xs + 0.5 - at[0] / n, ys + 0.5 - at[1] / n).min(initial=np.inf))

    def point_in(self, there: NDArray[np.bool_]) -> tuple[float, float]:
        """Returns the point (x, y) of the picture that lies deepest in a small mask."""
        depth = cv2.distanceTransform(np.pad(there.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), depth.shape)
        n = overview(self._size)[0]
        return min(n * (int(x) + 0.5), self._size[1] - 0.5), min(n * (int(y) + 0.5), self._size[0] - 0.5)

    def closer(self, mode: str, small: Matte, alone: bool = False, of: _Person | None = None) -> Matte:
        """Returns a second look (H, W) at what a small matte shows.

        Args:
            mode: what to look for.
            small: where.
            alone: only at that, not at what is beside it.
            of: a person, whose part of a group is wanted.
        """
        if (small > 0.5).mean() < SMALLEST[mode]:
            return np.zeros(self._size, np.float32)
        crops = closer_crops(small, self._size, self._px)
        crop = self._crop if crops is None else crops[0]
        matte = np.asarray(crop.from_crop(self._find(crop)[_CHANNELS[mode]], self._size))
        if of is not None and of.own >= 0:
            n, box = overview(self._size)[0], crop.box
            y, x = np.mgrid[box.y0 : box.y1, box.x0 : box.x1].astype(np.float32)
            inside = np.zeros(self._size, np.bool_)
            inside[box.y0 : box.y1, box.x0 : box.x1] = of.owns((x + 0.5) / n - 0.5, (y + 0.5) / n - 0.5)
            matte = np.where(inside, matte, np.float32(0))
        if alone:
            matte = np.where(_near(matte, small, self._size), matte, np.float32(0))
        return matte if (matte > 0.5).any() else np.zeros(self._size, np.float32)

    def seen_closer(self, mode: str, around: _Person) -> Matte:
        """Returns the small matte of what a close-up of a person shows."""
        crops = closer_crops(around.small, self._size, self._px)
        if crops is None:
            return self.overview[mode]
        seen = self._small(crops, mode)
        if around.own < 0:
            return seen
        y, x = np.mgrid[: seen.shape[0], : seen.shape[1]]
        return np.where(around.owns(x, y), seen, np.float32(0))

    def _small(self, crops: tuple[Crop, Crop], mode: str) -> Matte:
        small = overview(self._size)[1]
        return np.asarray(crops[1].from_crop(self._find(crops[0])[_CHANNELS[mode]], small))

    def _find(self, crop: Crop) -> Mattes:
        """Returns what the network finds in a part of the picture, looked at once."""
        if crop not in self._seen:
            self._seen[crop] = self._net.find(crop.to_crop(self._image))
        return self._seen[crop]


def _eager(matte: Matte) -> Matte:
    """Returns a matte in which what is likelier than `FIRST` is inside."""
    return np.asarray(np.minimum(matte * np.float32(0.5 / FIRST), np.float32(1)))


def _with_rim(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(there.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


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
    return _with_rim(parts == number)


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
