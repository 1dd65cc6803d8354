"""One pass of a propagation: frame after frame from a keyframe, a crop following the object."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..clips.fades import FadeFinder
from ..clips.prefetch import read_ahead
from ..errors import FrameReadError
from ..frame_text import FrameText
from ..images.crop import Crop, whole_picture
from ..images.matte import check_image
from ..ports import Before
from .confidence import certainty
from .follow_crop import MOVES, follow_crop
from .fusion import difference, fuse, nearness
from .memory import SpaceTimeMemory, farthest_first
from .outcome import MatteKind
from .plan import Pass
from .presence import Presence, is_sure
from .trail import Trail

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..clips.cuts import CutFinder
    from ..ports import FrameSource, Key, PropagationNet, Value
    from ..types import Image, Mattes
    from .settings import PropagationSettings

    Areas = NDArray[np.float64]
    Result = tuple[int, Mattes, MatteKind]
    Fixed = Callable[[int, bool], tuple[Mattes, MatteKind] | None]


SURROUNDINGS = 2.0
"""How many times as wide as the crop the wider view of a pass's keyframe is.

The wider view keeps the network from taking similar objects nearby for the object.
"""


LOST = 1.5
"""How many times as wide as its crop the place is where an object that is away is looked for before anywhere else."""


CRUMB = 0.02
"""An object is lost when less than this share of its last area is left: the remainder is likely something else."""


class _Look(NamedTuple):
    """What the network saw and predicted for a frame; `picture` and `mattes` (N, h, w) in crop space."""

    crop: Crop
    picture: Image
    key: Key
    mattes: Mattes
    resemblance: Areas


class _Change(NamedTuple):
    """What the artist changed on the pass's keyframe, for fusion."""

    crop: Crop
    key: Key
    maps: Mattes


class _Seen(NamedTuple):
    """A frame that the network encoded, and the crop in which it saw it."""

    frame: int
    key: Key
    crop: Crop


class Walker:
    """Walks the passes of one propagation; keyframes stay in memory from pass to pass."""

    def __init__(
        self,
        net: PropagationNet,
        frames: FrameSource,
        size: tuple[int, int],
        settings: PropagationSettings,
        cuts: CutFinder | None = None,
        doubt: float = 0.0,
    ) -> None:
        """Takes what all passes have in common; frames with a certainty below `doubt` are not remembered."""
        self._net = net
        self._doubt = doubt
        self._cuts = cuts
        self._fades = FadeFinder(cuts) if cuts is not None else None
        self._frames = frames
        self._size = size
        self._settings = settings
        self._memory = SpaceTimeMemory(
            settings.budget, settings.memory_every, settings.megabytes, net.megabytes, settings.transient
        )
        self._segment_after = getattr(net, "segment_after", None)
        self._presence = Presence(net, settings.presence)

    def nothing(self, step: Pass, fixed: Fixed, shape: tuple[int, ...]) -> Generator[Result, None, int | None]:
        """Yields an empty matte for every frame of the pass that has no result: there is no object to look for."""
        for frame in step.frames:
            matte, kind = fixed(frame, step.keep) or (np.zeros(shape, np.float32), MatteKind.PROPAGATED)
            yield frame, matte, kind
        return None

    def walk(
        self,
        step: Pass,
        keys: Sequence[int],
        keyframe: Callable[[int], Mattes],
        fixed: Fixed,
        before: Callable[[int], Mattes | None],
        far: Callable[[int], Mattes | None] | None = None,
    ) -> Generator[Result, None, int | None]:
        """Yields (frame, matte, kind) for the frames of the pass, in walking order; returns the first beyond a cut.

        Frames with a result are yielded as they are; their keys and values are computed only if a later frame needs
        computing, and then only for frames that memory would still hold.

        Args:
            step: the pass.
            keys: all keyframes, ascending.
            keyframe: frame -> matte of a keyframe.
            fixed: (frame, keep) -> the matte which that frame already has, and its kind; or None.
            before: frame -> matte of the earlier run, or None.
            far: frame -> mattes (N, H, W) of the pass from the other side, or None; None = fuse nothing.
        """
        start = keyframe(step.start)
        flat = start.ndim == 2
        last = _stacked(start)
        trail, areas = Trail(last), _areas(last)
        crop = self._follow(last, None)
        change: _Change | None = None
        started = False
        waiting: deque[tuple[int, Crop]] = deque(maxlen=self._settings.budget)
        seen: _Seen | None = None
        known_last: tuple[int, Crop] | None = None
        for frame in step.frames:
            there = fixed(frame, step.keep)
            if there is not None:
                matte = there[0]
                view = self._crop_of_known(crop, _stacked(matte), last)
                known_last = frame, view
                last, areas = _sightings(_stacked(matte), areas)
                trail.add(last)
                crop = self._next(last, view, trail)
                if self._memory.wants(frame, step.start):
                    waiting.append((frame, view))
                    if len(waiting) > 1 and not self._on_grid(step.start, waiting[-2][0]):
                        del waiting[-2]
                yield frame, *there
                continue
            if not step.compute:
                continue
            if self._is_other_shot(step, frame):
                return frame
            if not started:
                self._begin(step.start, keys, keyframe)
                change = self._change(step.start, before, start) if far is not None else None
                started = True
                key = self._memory.permanent_key(step.start)
                seen = self._seen(step.start, key, self._follow(_stacked(start), None))
            while waiting:
                known_frame, known_crop = waiting.popleft()
                known = fixed(known_frame, step.keep)
                if known is not None:
                    self._remember(known_frame, known_crop, _stacked(known[0]), known[1])
            if self._segment_after is not None and known_last is not None:
                known_frame, known_crop = known_last
                seen = self._seen(known_frame, self._encoded(known_frame, known_crop, last)[0], known_crop)
                known_last = None
            image = self._picture(frame)
            read_ahead(self._frames, frame + step.frames.step)
            if seen is not None and seen.frame != frame - step.frames.step:
                seen = None
            look = self._look(frame, image, crop, last, areas, trail.least, trail.settled, seen)
            seen = self._seen(frame, look.key, look.crop)
            full = look.crop.from_crop(look.mattes, self._size)
            last, areas = _sightings(full, areas)
            trail.add(last)
            wanted = frame != step.frames[-1] and self._memory.wants(frame, step.start)
            if wanted and last.any() and trail.settled and self._is_believed(look):
                value = self._net.encode_value(look.picture, look.key, look.mattes)
                self._memory.add(frame, look.key, value)
                self._presence.add_recent(look.key, look.mattes)
            crop = self._next(last, look.crop, trail)
            old, other = (before(frame), far(frame)) if far is not None else (None, None)
            kind = MatteKind.PROPAGATED
            if old is not None and other is not None:
                full = self._fused(_stacked(old), full, other, change, look, nearness(frame, step.start))
                kind = MatteKind.FUSED
            yield frame, full[0] if flat else full, kind
        return None

    def _is_other_shot(self, step: Pass, frame: int) -> bool:
        if self._cuts is None or self._fades is None:
            return False
        return self._cuts.between(frame - step.frames.step, frame) or self._fades.behind(step.start, frame)

    def _is_believed(self, look: _Look) -> bool:
        return is_sure(look.resemblance) and (self._doubt <= 0 or certainty(look.mattes) >= self._doubt)

    def _on_grid(self, start: int, frame: int) -> bool:
        return abs(frame - start) % self._settings.memory_every == 0

    def _begin(self, start: int, keys: Sequence[int], keyframe: Callable[[int], Mattes]) -> None:
        """Fills memory for a pass: the keyframes nearest to its start, and nothing of the pass before."""
        self._memory.begin(start)
        nearest = farthest_first(keys, start)[-self._memory.permanent_limit :]
        self._presence.begin(start, nearest)
        for key in nearest:
            if not self._memory.has_permanent(key):
                mattes = _stacked(keyframe(key))
                handle, value, seen = self._encoded(key, self._follow(mattes, None), mattes)
                self._memory.add_permanent(key, handle, value, near=start)
                self._presence.add_keyframe(key, handle, seen)
        mattes = _stacked(keyframe(start))
        wide = self._follow(mattes, None, SURROUNDINGS)
        if wide.box != self._follow(mattes, None).box:
            handle, value, seen = self._encoded(start, wide, mattes)
            self._memory.add_surroundings(handle, value)
            self._presence.add_surroundings(handle, seen)

    def _encoded(self, frame: int, crop: Crop, mattes: Mattes) -> tuple[Key, Value, Mattes]:
        """Returns the key and value of a frame with known mattes (N, H, W), seen in a crop, and those mattes there."""
        picture, seen = crop.to_crop(self._picture(frame)), crop.to_crop(mattes, fill=0.0)
        key = self._net.encode_key(picture)
        return key, self._net.encode_value(picture, key, seen), seen

    def _remember(self, frame: int, crop: Crop, mattes: Mattes, kind: MatteKind) -> None:
        """Adds a frame with a known matte to memory, unless it is an earlier result that would not have entered it."""
        if not (mattes > 0.5).any():
            return
        key, value, seen = self._encoded(frame, crop, mattes)
        if kind is MatteKind.PROPAGATED and not is_sure(self._presence.judged(key, seen, seen, True)[1]):
            return
        self._memory.add(frame, key, value)
        self._presence.add_recent(key, seen)

    def _seen(self, frame: int, key: Key | None, crop: Crop) -> _Seen | None:
        """Returns what a network that carries a state needs of a frame for the next one; None for all others."""
        return None if self._segment_after is None or key is None else _Seen(frame, key, crop)

    def _look(
        self,
        frame: int,
        image: Image,
        crop: Crop,
        last: Mattes,
        areas: Areas,
        least: float,
        settled: bool,
        seen: _Seen | None = None,
    ) -> _Look:
        """Returns the network's prediction for the frame: in the crop, or where the whole picture shows the objects.

        `last` and `areas` are of the frame before, see `_sightings`. The whole picture is searched when no object is
        left in the crop, and every n-th frame while one of several is missing. While an object reaches the crop's rim,
        the crop is moved and searched again. See `Trail` for `least` and `settled`; `seen` is the frame before, if
        the network encoded it.
        """
        look = self._segment(image, crop, last, settled, seen)
        if not self._settings.follow:
            return look
        found = _present(look, areas)
        search = not found.all() and self._memory.keeps(frame)
        if crop.box != self._whole().box and (not found.any() or search or not last.any()):
            wide = self._segment(image, self._whole(), last, settled, seen)
            if (_present(wide, areas) & ~found).any() or (not last.any() and _best(wide, areas) > _best(look, areas)):
                look = wide
        for move in range(MOVES):
            touched = self._rim_is_touched(look.crop, look.mattes)
            is_wide = move == 0 and look.crop.box == self._whole().box and _present(look, areas).any()
            if not (touched or is_wide):
                break
            full = look.crop.from_crop(look.mattes, self._size)
            moved = self._follow(np.maximum(full, last) if touched else full, None, least=least)
            if moved.box == look.crop.box:
                break
            closer = self._segment(image, moved, last, settled, seen)
            if not _present(closer, areas).any():
                break
            look = closer
        return look

    def _segment(self, image: Image, crop: Crop, last: Mattes, settled: bool, seen: _Seen | None = None) -> _Look:
        picture = crop.to_crop(image)
        key = self._net.encode_key(picture)
        before = crop.to_crop(last, fill=0.0)
        # An object that was not there is searched everywhere: the network has no hint where it is not.
        hint = before if settled and (before > 0.5).any(axis=(1, 2)).all() else None
        if self._segment_after is None:
            mattes = self._net.segment(key, self._memory.entries(), hint)
        else:
            state = None if seen is None else Before(seen.key, crop.within(seen.crop))
            mattes = self._segment_after(key, self._memory.entries(), hint, state)
        mattes, resemblance = self._presence.judged(key, mattes, before, settled)
        return _Look(crop, picture, key, mattes, resemblance)

    def _crop_of_known(self, crop: Crop, mattes: Mattes, last: Mattes) -> Crop:
        """Returns the crop in which `_look` would have searched a frame with a known matte."""
        if self._settings.follow and self._rim_is_touched(crop, crop.to_crop(mattes, fill=0.0)):
            return self._follow(np.maximum(mattes, last), None)
        return crop

    def _rim_is_touched(self, crop: Crop, mattes: Mattes) -> bool:
        """Returns whether an object (N, h, w) reaches a side of the crop beyond which there is more picture."""
        hits = np.asarray((mattes > 0.5).any(axis=0))
        box, (height, width) = crop.box, self._size
        return bool(
            (box.y0 > 0 and hits[0].any())
            or (box.y1 < height and hits[-1].any())
            or (box.x0 > 0 and hits[:, 0].any())
            or (box.x1 < width and hits[:, -1].any())
        )

    def _whole(self) -> Crop:
        return whole_picture(self._size, self._settings.working_px)

    def _next(self, last: Mattes, view: Crop, trail: Trail) -> Crop:
        """Returns the crop for the frame after one with mattes `last` (N, H, W), which was seen in `view`."""
        if last.any():
            return self._follow(last, view, least=trail.least)
        return self._follow(trail.seen, None, LOST, trail.least)

    def _follow(self, mattes: Mattes, last: Crop | None, wider: float = 1.0, least: float = 0.0) -> Crop:
        if not self._settings.follow:
            return self._whole()
        factor = wider * self._settings.crop_factor
        return follow_crop(mattes, self._size, self._settings.working_px, factor, last, least)

    def _picture(self, frame: int) -> Image:
        image = check_image(self._frames[frame], FrameText(frame))
        if image.shape[:2] != self._size:
            raise FrameReadError(
                FrameText(
                    frame, f" is {image.shape[1]} x {image.shape[0]} pixels, not {self._size[1]} x {self._size[0]}."
                ),
                "All frames of a clip must have the same size.",
            )
        return image

    def _change(self, start: int, before: Callable[[int], Mattes | None], new: Mattes) -> _Change | None:
        """Returns the artist's change on the pass's keyframe against the earlier run, with the key that carries it."""
        old = before(start)
        if old is None:
            return None
        maps = difference(_stacked(old), _stacked(new))
        crop = self._follow(np.maximum(_stacked(old), _stacked(new)), None)
        key = self._net.encode_key(crop.to_crop(self._picture(start)))
        return _Change(crop, key, crop.to_crop(maps, fill=0.0))

    def _fused(self, old: Mattes, new: Mattes, far: Mattes, change: _Change | None, look: _Look, near: float) -> Mattes:
        """Returns the mattes (N, H, W) of the frame fused from the earlier run, this pass, and the far one.

        The change is carried within the crop; outside it there is none.
        """
        if change is None:
            carried = np.zeros((2 * len(new), *look.crop.size), np.float32)
        else:
            carried = self._net.attention(look.key, change.key, change.maps)
        return fuse(old, new, far, look.crop.from_crop(carried, self._size), near)


def _stacked(matte: Mattes) -> Mattes:
    """Returns (H, W) or (N, H, W) as (N, H, W)."""
    return matte[None] if matte.ndim == 2 else matte


def _areas(mattes: Mattes) -> Areas:
    """Returns the area in pixels of each object (N, H, W): (N,)."""
    return np.array([np.count_nonzero(matte > 0.5) for matte in mattes], np.float64)


def _present(look: _Look, areas: Areas) -> NDArray[np.bool_]:
    """Returns which of the objects are present, not just remnants: (N,) bool."""
    return np.asarray(_areas(look.mattes) > CRUMB * areas * look.crop.scale**2)


def _best(look: _Look, areas: Areas) -> float:
    """Returns the resemblance of the surest object that is there; -2, the least, without any."""
    return float(np.max(look.resemblance, initial=-2.0, where=_present(look, areas)))


def _sightings(mattes: Mattes, areas: Areas) -> tuple[Mattes, Areas]:
    """Returns the mattes (N, H, W) without objects reduced to remnants, and each object's area when last seen."""
    now = _areas(mattes)
    there = now > CRUMB * areas
    return (mattes if there.all() else mattes * there[:, None, None]), np.where(there, now, areas)
