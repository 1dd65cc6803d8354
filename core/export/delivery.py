"""Writes a cutout for others: masks, cut-out pictures with alpha, or editable outlines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .. import atomic
from ..edges.refine_edge import refine_edge
from ..edges.settings import EdgePlan, EdgeSettings
from ..errors import InputError, SizeMismatch, store_errors
from ..images.matte import read_mask
from ..propagation.steady_edges import SteadyEdges
from ..types import Form
from . import deep
from .composite import rgba
from .outlines import OutlineTracker
from .sequence import ExportStep, write_sequence
from .splines import Spline, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..clips.source import VideoSource
    from ..session.track_session import TrackSession
    from ..types import Matte
    from .sequence import Save


SPLINES_FILE = "splines.json"
_EXR_NOTE = "Linear Rec.709, colours multiplied by alpha"
_COLOUR_REACH = 9
"""Pixels outside the object within which colours are kept, for those who scale the pictures."""


def deliver(
    sessions: Sequence[TrackSession],
    frames: Sequence[int],
    folder: str | os.PathLike[str],
    form: str = Form.MASK.value,
    invert: bool = False,
    plans: Sequence[EdgePlan] = (),
) -> Iterator[ExportStep]:
    """Writes what the tracks show at their heads, together, into `folder`; yields after each frame.

    Args:
        sessions: open tracks of one clip; several = their union.
        frames: clip frame of each timeline frame, in order; -1 = nothing.
        folder: for pictures 000001.png … replaced as a whole at the end (see `write_sequence`), for splines a folder
            in which `splines.json` is replaced.
        form: a `Form` value. `mask`: 8-bit grey (deeper masks need another colour space in each Blender), `cutout`: the
            clip's RGB with the matte as alpha, see `cutout_kind`, `splines`: see `splines_to_json`.
        invert: remove the object and keep the rest: a frame without a matte is then kept whole.
        plans: how the edge of each track is refined; empty = not at all. Colours are cleaned only in cutouts.

    Raises:
        InputError: there is no track, no frame, or no such form; SizeMismatch: the tracks are not of one clip.
        StoreError: the folder holds other files, or cannot be written.
        FrameReadError: a frame of the clip cannot be read.
    """
    try:
        write = _WRITERS[Form(form)]
    except ValueError as error:
        raise InputError(f"The form {form!r} is not known.", "Use mask, cutout or splines.") from error
    _check(sessions)
    objects = _Objects(sessions, frames, tuple(plans) or (EdgePlan(),) * len(sessions))
    return write(objects, Path(folder).absolute(), invert)


def _check(sessions: Sequence[TrackSession]) -> None:
    if not sessions:
        raise InputError("There is no object to write.", "Draw on one first.")
    size = sessions[0].source.size
    if any(session.source.size != size for session in sessions):
        raise SizeMismatch("The objects are cut out of clips of different sizes.", "Write them one by one.")


def cutout_kind(source: VideoSource) -> str:
    """Returns the kind of pictures that keep a clip's values as Blender shows them, see `deep.PICTURES`.

    8-bit PNG, of deeper clips 16-bit PNG, both with straight alpha; half-float EXR multiplied by alpha where the clip
    is linear light. HDR movies have 8 bits: Blender 5.0 to 5.2 shows deeper pictures of their colour spaces half as
    bright as the movie.
    """
    return "exr" if source.linear else "png16" if source.bits > 8 and source.hdr is None else "png"


def save_cutout(kind: str, image: NDArray[Any], matte: Matte) -> Save:
    """Returns a function that writes the picture with the matte as alpha to a file.

    Well outside the object the colours are dropped: they are invisible, and files become several times smaller.

    Args:
        kind: from `cutout_kind`.
        image: (H, W, 3), float32 as from `VideoSource.deep`, or uint8 for "png".
        matte: (H, W) float32 in [0, 1].
    """
    if kind == "exr":
        names, values = deep.exr_channels(deep.rgba(image, matte), False, {})
        return lambda path: deep.write_exr(path, path, names, values, 1.0, _EXR_NOTE)
    if kind == "png" and image.dtype != np.uint8:
        image = np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)
    picture = rgba(image, matte) if kind == "png" else deep.in_16_bits(deep.rgba(image, matte))
    near = cv2.dilate(np.asarray(picture[..., 3] > 0, np.uint8), np.ones((2 * _COLOUR_REACH + 1,) * 2, np.uint8))
    data = cv2.imencode(".png", cv2.cvtColor(picture * near[..., None], cv2.COLOR_RGBA2BGRA))[1].tobytes()
    return lambda path: path.write_bytes(data)


def splines_to_json(splines: Sequence[Spline], size: tuple[int, int], count: int, invert: bool) -> str:
    """Returns the splines as JSON: width, height, frames (their number), invert, and splines in order of application.

    Each has `first` (its first frame, counted from 0 in the order of delivery), `hole` (it cuts a hole), and `points`:
    for each of its frames in turn a list of [x, y, left x, left y, right x, right y] in source pixels, y down: the
    point and its two Bézier handles.
    """

    def packed(value: object) -> str:
        return json.dumps(value, separators=(",", ":"))

    # One line for each frame of each spline, so that Blender's side can read it step by step.
    shapes = [
        packed({"first": spline.first, "hole": spline.hole, "points": []})[:-2]
        + "\n"
        + ",\n".join(map(packed, np.round(spline.points, 2).tolist()))
        + "\n]}"
        for spline in splines
    ]
    head = packed({"width": size[1], "height": size[0], "frames": count, "invert": invert, "splines": []})
    return head[:-2] + "\n" + ",\n".join(shapes) + "\n]}"


@dataclass(frozen=True, slots=True)
class _Objects:
    """What is written: open tracks, clip frames, and a plan for each track."""

    sessions: Sequence[TrackSession]
    frames: Sequence[int]
    plans: Sequence[EdgePlan]

    @property
    def size(self) -> tuple[int, int]:
        return self.sessions[0].source.size

    def decontaminate(self, picture: int) -> float:
        return max(plan.at(picture).decontaminate for plan in self.plans)

    def mattes(self) -> Iterator[tuple[Matte | None, bool]]:
        """Yields for each picture the union of the alphas (None = there is none), and whether any is missing."""
        tracks = [PlannedAlphas(*one) for one in zip(self.sessions, self.plans, strict=True)]
        for picture, frame in enumerate(self.frames):
            alphas = [track.at(frame, picture) if frame >= 0 else None for track in tracks]
            found = [alpha for alpha in alphas if alpha is not None]
            yield union(found) if found else None, frame >= 0 and len(found) < len(alphas)


class PlannedAlphas:
    """A track's alphas, their edges as planned and, where detail is found, steady along the clip.

    Args:
        session: the open track.
        plan: how its edge is refined.
    """

    def __init__(self, session: TrackSession, plan: EdgePlan) -> None:
        self._session, self._plan = session, plan
        self._steady = SteadyEdges(session.source, self._refined, session.is_final)

    def at(self, frame: int, picture: int) -> Matte | None:
        """Returns the alpha (H, W) float32 of a clip frame, for a picture of the plan; None = no matte."""
        return self._steady.at(frame, self._plan.at(picture))

    def _refined(self, frame: int, edge: EdgeSettings) -> Matte | None:
        if edge.changes_alpha:
            return self._session.alpha(frame, edge, self._plan.painted)
        path = self._session.matte_path(frame)
        return None if path is None else read_mask(path, self._session.source.size)


def clean_colours(image: NDArray[Any], alpha: Matte, share: float) -> NDArray[Any]:
    """Returns the picture without that share (0 to 1) of the background's colour along the edge.

    Args:
        image: (H, W, 3) uint8, or float32 as from `VideoSource.deep`.
        alpha: (H, W) float32 in [0, 1].
        share: 0 = the picture itself.
    """
    settings = EdgeSettings(detail=0.0, decontaminate=share)
    refine: Any = refine_edge if image.dtype == np.uint8 else deep.refined
    return np.asarray(refine(None, image, alpha, settings)[1]) if share else image


def _write_masks(objects: _Objects, folder: Path, invert: bool) -> Iterator[ExportStep]:
    """Writes masks; a single object's are copied as they are unless its edge is refined.

    A frame on which only some of the objects have a matte is written with those, but counted as missing like one
    without any.
    """
    lacking = 0
    plain = not invert and not any(edge.changes_alpha for plan in objects.plans for edge in plan.settings)

    def refined() -> Iterator[Path | Matte | Save | None]:
        nonlocal lacking
        for matte, missing in objects.mattes():
            lacking += missing
            if invert:
                matte = np.ones(objects.size, np.float32) if matte is None else np.asarray(1.0 - matte, np.float32)
            yield matte

    def copies() -> Iterator[Path | Matte | Save | None]:
        nonlocal lacking
        for frame in objects.frames:
            paths = [session.matte_path(frame) if frame >= 0 else None for session in objects.sessions]
            found = [path for path in paths if path is not None]
            lacking += len(found) < len(paths) and frame >= 0
            yield union([read_mask(p, objects.size) for p in found]) if len(found) > 1 else next(iter(found), None)

    for step in write_sequence(copies() if plain else refined(), objects.frames, objects.size, folder):
        yield replace(step, missing=lacking)


def _write_cutouts(objects: _Objects, folder: Path, invert: bool) -> Iterator[ExportStep]:
    source, frames = objects.sessions[0].source, objects.frames
    kind = cutout_kind(source)
    lacking = 0

    def pictures(opened: VideoSource) -> Iterator[Save | None]:
        nonlocal lacking
        for picture, (frame, (matte, missing)) in enumerate(zip(frames, objects.mattes(), strict=True)):
            lacking += missing
            if frame < 0 or (matte is None and not invert):
                yield None
                continue
            shown = np.ones(source.size, np.float32) if matte is None else 1.0 - matte if invert else matte
            own = opened.alpha(frame)
            image = clean_colours(opened[frame], shown, objects.decontaminate(picture))
            yield save_cutout(kind, image, shown if own is None else np.asarray(shown * own, np.float32))

    clear = save_cutout(kind, np.zeros((*source.size, 3), np.uint8), np.zeros(source.size, np.float32))
    with ExitStack() as stack:
        plain = kind == "png" and source.hdr is None
        opened = source if plain else stack.enter_context(source.deep(keep_hdr=True))
        for step in write_sequence(pictures(opened), frames, source.size, folder, clear, deep.PICTURES[kind]):
            yield replace(step, missing=lacking)


def _write_splines(objects: _Objects, folder: Path, invert: bool) -> Iterator[ExportStep]:
    frames = objects.frames
    if not frames:
        raise InputError("There is no frame to export.", "Choose a range with at least one frame.")
    lacking = black = 0
    tracker = OutlineTracker()
    for number, (matte, missing) in enumerate(objects.mattes(), start=1):
        lacking, black = lacking + missing, black + (matte is None)
        tracker.add(matte)
        if number < len(frames):
            yield ExportStep(number, len(frames), black, lacking)
    splines = [fit(run) for run in tracker.runs()]
    target = folder / SPLINES_FILE
    with store_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write(target, splines_to_json(splines, objects.size, len(frames), invert).encode())
    yield ExportStep(len(frames), len(frames), black, lacking)


_WRITERS: Mapping[Form, Callable[[_Objects, Path, bool], Iterator[ExportStep]]] = {
    Form.MASK: _write_masks,
    Form.CUTOUT: _write_cutouts,
    Form.SPLINES: _write_splines,
    Form.EFFECT: _write_masks,
}


def union(mattes: Sequence[Matte]) -> Matte:
    """Returns the union (H, W) float32 of the mattes of several objects: their sum, at most 1.

    Objects propagated together share each pixel, so where two of them touch their sum has no
    seam, while their maximum would have one.
    """
    total = mattes[0]
    for matte in mattes[1:]:
        total = total + matte
    return np.asarray(np.minimum(total, np.float32(1.0)), np.float32)


def union_of(mattes: Mapping[str, Callable[[int], Matte]]) -> Callable[[int], Matte]:
    """Returns a function from frame to the union of several objects' mattes, given by name."""
    readers = list(mattes.values())
    return readers[0] if len(readers) == 1 else lambda frame: union([matte_of(frame) for matte_of in readers])
