"""The engine, the public face of `core`: networks come in through the ports, frames and mattes go out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from .clips.opening import open_clip
from .edges.refine_edge import refine_edge
from .errors import InputError
from .images.matte import check_matte
from .propagation.outcome import MatteKind, Stop
from .propagation.propagate import propagate
from .propagation.settings import PropagationSettings
from .propagation.stabilise import stabilised
from .refinement.automatic import BACKGROUND, FOREGROUND, automatic, check_mode, each_person, find_people, people
from .refinement.mirrored_strokes import MirroredStrokes
from .refinement.paint import paint
from .refinement.refine import foreground, refine, refine_grey
from .types import Clip, Direction, FrameRange, PropagationOptions, Stroke

if TYPE_CHECKING:
    from .edges.settings import EdgeSettings
    from .images.matte import Grey
    from .ports import AutomaticNet, EdgeNet, FrameSource, PropagationNet, ScribbleNet
    from .types import Box, Image, Map, Matte, Mattes, Paint

    Frames = FrameSource | Sequence[Image] | Clip | str | PathLike[str]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings that a tier fixes besides its networks.

    Attributes:
        scribble_px: side, in pixels, of the square the stroke network works on, roughly.
        propagation: see `PropagationSettings`.
        mirrored_strokes: see `MirroredStrokes`.
    """

    scribble_px: int = 320
    propagation: PropagationSettings = field(default_factory=PropagationSettings)
    mirrored_strokes: bool = False


class Engine:
    """Cuts objects out of pictures and clips; keeps no state between calls.

    Attributes:
        tier: name of the tier it was built for.
        device: where the networks run.
        weights_id: hash of the weights; results made with other weights are not comparable.
        settings: working sizes and memory.
        edge: network for `refine_edge`; None = edges keep the matte's own alpha.
        automatic_id: hash of the weights of the automatic modes.
    """

    def __init__(
        self,
        scribble: ScribbleNet,
        propagation: PropagationNet,
        settings: EngineSettings | None = None,
        *,
        edge: EdgeNet | None = None,
        tier: str = "",
        device: str = "cpu",
        weights_id: str = "",
        automatic: AutomaticNet | None = None,
        automatic_id: str = "",
    ) -> None:
        self.settings = settings or EngineSettings()
        self._scribble = MirroredStrokes(scribble) if self.settings.mirrored_strokes else scribble
        self._propagation = propagation
        self._automatic = automatic
        self.automatic_id = automatic_id
        self.edge = edge
        self.tier = tier
        self.device = device
        self.weights_id = weights_id

    def foreground(self, image: Image, box: Box | None = None) -> Matte:
        """Returns a first guess (H, W) float32 in [0, 1] of the foreground object(s) of (H, W, 3) uint8 RGB.

        Args:
            image: the picture.
            box: drawn around the object, outside of which the matte is 0; None = the whole picture.

        Raises:
            InputError: `image` is not such a picture, or the box lies outside it.
        """
        return foreground(self._scribble, image, self.settings.scribble_px, box)

    def automatic(self, image: Image, mode: str = FOREGROUND, at: tuple[float, float] | None = None) -> Matte:
        """Returns a first matte (H, W) float32 in [0, 1] without strokes; zeros where there is nothing of that kind.

        Args:
            image: (H, W, 3) uint8 RGB.
            mode: foreground, person, head, sky, or background: everything but the people, or but the foreground if
                there are none.
            at: (x, y) in pixels, on the person or head that is meant among several; None = the largest.

        Raises:
            InputError: `image` is not such a picture, there is no such mode, or the engine has no network for it.
        """
        check_mode(mode)
        if mode == FOREGROUND:
            return self.foreground(image)
        net, side = self._people_and_sky(), self.settings.scribble_px
        if mode != BACKGROUND:
            return automatic(net, image, mode, side, at)
        found = people(net, image, side)
        return np.asarray(np.float32(1) - (found if found.any() else self.foreground(image)))

    def find_people(self, image: Image) -> tuple[tuple[float, float], ...]:
        """Returns a point (x, y) in pixels on each person in (H, W, 3) uint8 RGB, that of the largest first.

        Each is an `at` for `automatic`.

        Raises:
            InputError: `image` is not such a picture, or the engine has no network for people.
        """
        return find_people(self._people_and_sky(), image, self.settings.scribble_px)

    def each_person(self, image: Image) -> list[Matte]:
        """Returns a matte (H, W) float32 of each person in (H, W, 3) uint8 RGB, the largest first.

        Raises:
            InputError: `image` is not such a picture, or the engine has no network for people.
        """
        return each_person(self._people_and_sky(), image, self.settings.scribble_px)

    def _people_and_sky(self) -> AutomaticNet:
        if self._automatic is None:
            raise InputError("This engine has no network for people and sky.", "Draw strokes, or use the foreground.")
        return self._automatic

    def paint(self, matte: Matte, shapes: Sequence[Paint]) -> Matte:
        """Returns the matte (H, W) float32 with shapes painted over it; see `core.refinement.paint`.

        Raises:
            InputError: wrong matte. StrokeError: a line is too long.
        """
        return np.asarray(paint(check_matte(matte), shapes), np.float32)

    def refine(
        self, image: Image, strokes: Sequence[Stroke], previous: Matte | None = None, zoom: float = 1.0
    ) -> Matte:
        """Returns the matte (H, W) float32 after one round of strokes; see `core.refinement.refine`.

        Raises:
            StrokeError: no strokes, or all outside the picture.
            InputError: wrong picture or matte; SizeMismatch when their sizes differ.
        """
        return refine(self._scribble, image, strokes, previous, zoom, self.settings.scribble_px)

    def refine_grey(
        self, image: Image, strokes: Sequence[Stroke], previous: Grey | None = None, zoom: float = 1.0
    ) -> Grey:
        """Like `refine`, but takes and returns mattes (H, W) uint8 in 255ths, as stored; faster on large pictures."""
        return refine_grey(self._scribble, image, strokes, previous, zoom, self.settings.scribble_px)

    def refine_edge(
        self, image: Image, matte: Matte, edge: EdgeSettings | None = None, detail: Map | None = None
    ) -> tuple[Matte, Image]:
        """Returns alpha (H, W) float32 and the object's straight colours (H, W, 3) uint8; see `core.edges`.

        Args:
            image: (H, W, 3) uint8 RGB.
            matte: (H, W) float in [0, 1].
            edge: None = the defaults; with all settings at 0 alpha equals the matte, bit for bit.
            detail: (H, W) float32 in [0, 1], 1 where alpha is to be found far from the edge too, such as in hair.

        Raises:
            InputError: wrong picture or matte; SizeMismatch when their sizes differ.
        """
        return refine_edge(self.edge, image, matte, edge, detail)

    def propagate(
        self,
        frames: Frames,
        keyframes: Mapping[int, Mattes],
        frame_range: FrameRange | tuple[int, int] | None = None,
        previous: Mapping[int, Mattes] | None = None,
        locked: Collection[int] = (),
        stability: float = 1.0,
        absent: Collection[int] = (),
    ) -> Generator[tuple[int, Mattes], None, None]:
        """Yields (frame, matte) for every frame of the range once, keyframes included; the caller may stop any time.

        Wrong input raises on the call itself, before the first frame is requested. Frames come forward from the first
        keyframe, then backward from it.

        Args:
            frames: anything with len() and [i] -> (H, W, 3) uint8 RGB, a `Clip`, or the path of a movie or folder.
            keyframes: frame -> matte (H, W), or (N, H, W) for N objects, float in [0, 1].
            frame_range: half-open; None = the whole clip.
            previous: frame -> matte of an earlier run, to be fused with.
            locked: frames of `previous` that must not change.
            stability: how strongly mattes are mixed with their neighbours', 0 (not at all) to 1; see
                `core.propagation.stabilise`.
            absent: frames without the object: their mattes are empty, and nothing is propagated through them to
                frames that a keyframe beyond them reaches.

        Raises:
            InputError: keyframes missing, of the wrong type, or outside the clip; FrameReadError, SizeMismatch.
        """
        options = PropagationOptions(stop_at_cuts=False, stability=stability)
        stream = self.propagate_detailed(
            frames,
            keyframes,
            frame_range=frame_range,
            previous=previous,
            locked=locked,
            options=options,
            absent=absent,
        )
        return _pairs(stream)

    def propagate_detailed(
        self,
        frames: Frames,
        keyframes: Mapping[int, Mattes],
        *,
        frame_range: FrameRange | tuple[int, int] | None = None,
        direction: Direction = Direction.BOTH,
        previous: Mapping[int, Mattes] | Callable[[int], Mattes | None] | None = None,
        locked: Collection[int] = (),
        known: Callable[[int], Mattes | None] | None = None,
        options: PropagationOptions | None = None,
        notice: Callable[[Stop], None] | None = None,
        absent: Collection[int] = (),
    ) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
        """Like `propagate`, but yields (frame, matte, kind), takes a direction and can resume a stopped run.

        Frames whose matte comes later in the same run are first yielded as PENDING, to show progress.

        Args:
            frames: see `propagate`.
            keyframes: see `propagate`.
            frame_range: see `propagate`.
            direction: frames that cannot be reached in this direction are left out.
            previous: see `propagate`; may be a function that returns None for a missing frame.
            locked: see `propagate`.
            known: frame -> matte that this same run has already made, or None.
            options: where to stop, and how steady; None = never stop, so every frame of the range is yielded, and
                unstabilised. Mattes that are `known` are not stabilised again.
            notice: called with each stop that left frames without a matte.
            absent: see `propagate`; their kind is ABSENT.
        """
        bounds = as_range(frame_range)
        with ExitStack() as stack:
            source: Any = frames
            if isinstance(frames, (str, PathLike, Clip)):
                source = stack.enter_context(open_clip(frames))
            stream = propagate(
                self._propagation,
                source,
                keyframes,
                frame_range=bounds,
                direction=direction,
                previous=previous,
                locked=locked,
                known=known,
                settings=self.settings.propagation,
                options=options,
                notice=notice,
                absent=absent,
            )
            if options is not None and options.stability > 0:
                stream = _stabilise(stream, source, options.stability, keyframes, known)
            return _closing(stream, stack.pop_all())


def as_range(value: FrameRange | tuple[int, int] | None) -> FrameRange | None:
    """Returns the frame range of a pair (start, stop). Raises InputError when it is not one."""
    if value is None or isinstance(value, FrameRange):
        return value
    try:
        start, stop = (int(v) for v in value)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The frame range {value!r} is not understood.", "Give the first frame and one past the last."
        ) from error
    return FrameRange(start, stop)


def _stabilise(
    stream: Generator[tuple[int, Mattes, MatteKind], None, None],
    source: FrameSource,
    strength: float,
    keyframes: Mapping[int, Mattes],
    known: Callable[[int], Mattes | None] | None,
) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
    def is_final(frame: int) -> bool:
        return known is not None and known(frame) is not None

    with closing(stabilised(stream, source, strength, keyframes.get, is_final)) as results:
        for frame, _, matte, kind in results:
            yield frame, matte, kind


def _closing(
    stream: Generator[tuple[int, Mattes, MatteKind], None, None], stack: ExitStack
) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
    with stack:
        yield from stream


def _pairs(stream: Generator[tuple[int, Mattes, MatteKind], None, None]) -> Generator[tuple[int, Mattes], None, None]:
    with closing(stream):
        for frame, matte, kind in stream:
            if kind is not MatteKind.PENDING:
                yield frame, matte
