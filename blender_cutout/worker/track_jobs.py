"""Runs jobs on tracks: applies rounds, imports mattes, writes pictures and films."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ..core.edges.settings import EdgePlan, EdgeSettings
from ..core.errors import InputError
from ..core.frame_text import FrameText
from ..core.messages import (
    ApplyRound,
    Done,
    EditVersion,
    Event,
    Export,
    FindPeople,
    ImportMattes,
    MakeJob,
    MatteReady,
    PreviewEdge,
    TakeJob,
)
from ..core.session.actions import PaintRound, Round
from ..core.types import AUTO_MODES, Direction, FrameRange, Paint, PropagationOptions, Stroke, box_of
from ..environment.network_library import chosen_library
from ..version import __version__

if TYPE_CHECKING:
    from ..core.engine import Engine
    from ..core.jobs.job_file import JobOutput
    from ..core.session.track_session import TrackSession
    from ..core.types import Matte
    from .track_states import StateSender

    Steps: TypeAlias = Callable[[Iterator[Any], int], Iterator[Any]]
    """Runs the steps of a long job; the number is how many there are."""


FILM = "film"
"""Form of an export for other programs; the others are values of `types.Form`."""
_MANY = 10**9


def import_mattes(message: ImportMattes, session: TrackSession, run: Steps, step: Callable[[int, int], None]) -> str:
    """Imports masks as keyframes; returns a summary."""
    done, notes = 0, ()
    at = None if message.at < 0 else message.at
    steps = session.import_mattes(message.path, at, message.every, object_id=message.label or None)
    for state in run(steps, _MANY):
        done, notes = state.done, state.notes
        step(state.done, state.total)
    return " ".join([f"{done} {'mask' if done == 1 else 'masks'} imported as keyframes.", *notes])


def make_job(message: MakeJob, session: TrackSession, engine: Engine) -> Done:
    """Writes a job file of what a propagation would do now, and of the outputs that are made from its masks."""
    from ..core.jobs.content import check_name, content_of, save_job

    path, direction = Path(message.path), Direction(message.direction)
    check_name(path)
    options = PropagationOptions(
        stop_at_cuts=message.stop_at_cuts, stop_below=message.stop_below, stability=message.stability
    )
    content = content_of(session, FrameRange(message.start, message.stop), direction, message.stability)
    outputs = tuple(_job_outputs(message, path, session))
    how = (__version__, direction, options)
    save_job(path, replace(content, edge_folder=None), engine, *how, library=chosen_library(), outputs=outputs)
    return Done(message.job, f"{path.name} is written.", {"path": message.path})


def _job_outputs(message: MakeJob, path: Path, session: TrackSession) -> Iterator[JobOutput]:
    """Yields the outputs of a job, the edge settings in files beside it. Raises StoreError."""
    from ..core.edges.detail_map import painted_from_json
    from ..core.export import output_files
    from ..core.jobs.job_file import EDGES, JobOutput, files_folder
    from ..core.session.edge_record import FILE, save_edges

    frames, own = range(message.start, message.stop), files_folder(path)
    plan = EdgePlan.from_json(message.edges, len(frames), painted_from_json(message.details))
    refined = any(one["kind"] == EDGES for one in message.outputs)
    if refined:
        output_files.prepare_folder(own)
        save_edges(own, frames, plan)
    kept = str(own) if (own / FILE).exists() else ""
    colours = max(one.decontaminate for one in plan.settings) if refined else 0.0
    unchanged = {"detail": 0.0, "decontaminate": 0.0}
    for one in message.outputs:
        if one["kind"] == EDGES:
            yield JobOutput(**one, edge={} if kept else unchanged, edge_folder=kept)
        else:
            rate = 0.0 if session.source.fps else message.fps
            yield JobOutput(**one, edge={"decontaminate": colours} if colours else {}, fps=rate)


def take_job(message: TakeJob, session: TrackSession) -> tuple[Iterator[Any], int]:
    """Returns the steps of taking the masks of a job, and how many there are."""
    from ..core.jobs.job_file import read_job
    from ..core.jobs.take import take

    job = read_job(Path(message.path))
    return take(Path(message.path), job, session), len(job.range)


def edit_version(message: EditVersion, session: TrackSession) -> dict[str, Any]:
    """Keeps, returns to, renames or deletes a version; returns Done's result.

    Raises InputError when that is not possible.
    """
    match message.action:
        case "keep":
            session.versions.keep(message.name, message.settings)
        case "return":
            return {"settings": session.versions.go_to(message.name, message.settings)}
        case "rename":
            session.versions.rename(message.name, message.new_name)
        case "delete":
            session.versions.delete(message.name)
        case _:
            raise InputError(f"A version cannot be {message.action}.", "Restart the engine.")
    return {}


def export(message: Export, sessions: Sequence[TrackSession], run: Steps, step: Callable[[int, int], None]) -> Done:
    """Writes the tracks' mattes in the requested form."""
    from ..core.session.edge_record import save_edges

    plans = _plans(message, len(sessions))
    for session, plan in zip(sessions, plans, strict=True):
        save_edges(session.folder, message.frames, plan)
    if message.form == FILM:
        return _film(message, sessions, plans, run, step)
    from ..core.export.delivery import deliver

    result = {}
    steps = deliver(sessions, message.frames, message.folder, message.form, message.invert, plans)
    for state in run(steps, len(message.frames)):
        step(state.done, state.total)
        result = {"folder": message.folder, "count": state.total, "black": state.black, "missing": state.missing}
    return Done(message.job, f"{len(message.frames)} pictures", result)


def _plans(message: Export, tracks: int) -> list[EdgePlan]:
    """Returns the edge plan of each track. Raises InputError when the message does not have one for each."""
    from ..core.edges.detail_map import painted_from_json

    for given in (message.edges, message.details):
        if len(given) not in (0, tracks):
            raise InputError(f"There are edge settings for {len(given)} of {tracks} objects.", "Write them again.")
    records, details = message.edges or ((),) * tracks, message.details or ((),) * tracks
    painted = map(painted_from_json, details)
    return [
        EdgePlan.from_json(record, len(message.frames), strokes)
        for record, strokes in zip(records, painted, strict=True)
    ]


def _film(
    message: Export,
    sessions: Sequence[TrackSession],
    plans: Sequence[EdgePlan],
    run: Steps,
    step: Callable[[int, int], None],
) -> Done:
    """Writes a film of the union of the tracks."""
    import numpy as np

    from ..core.export.delivery import PlannedAlphas, union
    from ..core.export.film import FilmLook, write_film

    source, target = sessions[0].source, Path(message.folder)
    if any(session.source.fingerprint != source.fingerprint for session in sessions):
        raise InputError("The objects do not come from the same clip.", "Export them one by one.")
    lacking = 0

    place = {frame: number for number, frame in enumerate(message.frames)}
    tracks = [PlannedAlphas(*one) for one in zip(sessions, plans, strict=True)]

    def matte_of(frame: int) -> Matte:
        nonlocal lacking
        alphas = [alpha for track in tracks if (alpha := track.at(frame, place[frame])) is not None]
        lacking += len(alphas) < len(sessions)
        found = union(alphas) if alphas else np.zeros(source.size, np.float32)
        return np.asarray(1.0 - found, np.float32) if message.invert else found

    def matte_from(track: PlannedAlphas) -> Callable[[int], Matte]:
        def read(frame: int) -> Matte:
            alpha = track.at(frame, place[frame])
            return np.zeros(source.size, np.float32) if alpha is None else alpha

        return read

    def colours_at(frame: int) -> EdgeSettings:
        share = max(plan.at(place[frame]).decontaminate for plan in plans)
        return EdgeSettings(detail=0.0, decontaminate=share)

    cleaned = any(edge.decontaminate for plan in plans for edge in plan.settings)
    sound = ""
    steps = write_film(
        source,
        Path(sessions[0].clip.path),
        message.frames,
        matte_of,
        target,
        FilmLook(message.background, fps=0.0 if source.fps else message.fps, pictures=message.pictures),
        objects={name: matte_from(track) for name, track in zip(message.names, tracks, strict=False)},
        edge_at=colours_at if cleaned else None,
    )
    for state in run(steps, _MANY):
        step(state.done, state.total)
        sound = state.sound or sound
    count = len(message.frames)
    result = {"folder": message.folder, "count": count, "missing": lacking, "sound": sound}
    return Done(message.job, f"{target.name}: {count} {'frame' if count == 1 else 'frames'}. {sound}", result)


def preview_edge(message: PreviewEdge, session: TrackSession, between: Callable[[], object]) -> Done:
    """Writes a frame's matte with a refined edge where the host asks for it. Raises InputError when it has none."""
    from ..core import atomic
    from ..core.edges.detail_map import painted_from_json
    from ..core.errors import store_errors
    from ..core.images.matte import to_grey, write_mask
    from ..core.images.preview import LONG_SIDE, plain_png, preview_path, write_preview

    path = Path(message.path)
    longest = 0 if message.full else LONG_SIDE
    edge, painted = EdgeSettings.from_json(message.edge), painted_from_json(message.details)
    alpha = session.alpha(message.frame, edge, painted, longest, between)
    if alpha is None:
        raise InputError(FrameText(message.frame, " has no mask."), "Draw on it or propagate first.")
    grey = to_grey(alpha)
    with store_errors(path):
        if grey.shape != session.source.size:
            atomic.make_folder(preview_path(path).parent)
            atomic.write(preview_path(path), plain_png(grey))
        else:
            write_preview(path, grey)
            write_mask(path, grey)
    return Done(message.job, "", {"path": message.path})


def apply(
    message: ApplyRound, session: TrackSession, engine: Engine, send: Callable[[Event], object], states: StateSender
) -> Done:
    """Applies a round to a track.

    The host is sent a large matte as soon as its small copy, which it shows, is on disk, and Done once the matte itself
    is. If that fails, it is sent the track's actual state.
    """
    shown: list[Path] = []

    def show(path: Path) -> None:
        if not shown:
            shown.append(path)
            send(MatteReady(message.job, message.track, message.frame, str(path)))

    round_ = _round(message)
    try:
        head, path = session.apply_round(round_, show)
    except Exception:
        if shown:
            states.send(message.job, message.track, session)
        raise
    show(path)
    states.send(message.job, message.track, session)
    result: dict[str, Any] = {"head": head}
    if message.mode:
        made = session.matte(message.frame)
        result["empty"] = made is None or not bool((made > 0.5).any())
        if message.mode == AUTO_MODES[1] and not message.at and not result["empty"]:
            result["people"] = len(engine.find_people(session.source[message.frame]))
    return Done(message.job, "Auto" if message.auto else "Refined", result)


def find_people(message: FindPeople, session: TrackSession, engine: Engine) -> Done:
    """Finds the people on a frame. Raises InputError when the clip has no such frame."""
    if not 0 <= message.frame < len(session.source):
        raise InputError(FrameText("The clip has no ", message.frame, "."), f"It has {len(session.source)} frames.")
    return Done(
        message.job, "", {"people": [list(point) for point in engine.find_people(session.source[message.frame])]}
    )


def _round(message: ApplyRound) -> Round | PaintRound:
    """Returns the round of a message. Raises StrokeError when what was drawn is invalid."""
    if message.paint:
        return PaintRound(message.frame, tuple(Paint.from_json(shape) for shape in message.paint))
    strokes = tuple(Stroke.from_json(stroke) for stroke in message.strokes)
    box = box_of(message.box) if message.box else None
    at = None
    if message.at:
        if len(message.at) != 2 or not all(map(math.isfinite, message.at)) or message.mode not in AUTO_MODES[1:3]:
            raise InputError("A point is only for a person or a head.", "Restart the engine.")
        at = (float(message.at[0]), float(message.at[1]))
    return Round(message.frame, strokes, message.zoom, message.auto, box, message.mode or AUTO_MODES[0], at)
