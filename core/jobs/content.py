"""Makes job files: from a clip with masks of keyframes, or from an open cutout."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .. import atomic
from ..errors import InputError
from ..export import output_files
from ..types import Direction, PropagationOptions
from .job_file import SUFFIX, JobClip, JobKeyframe, JobOutput, ShotJob, files_folder, write_job

if TYPE_CHECKING:
    from ..clips.source import VideoSource
    from ..engine import Engine
    from ..session.track_session import TrackSession
    from ..types import Clip, FrameRange, Matte

    Lookup = Callable[[int], Matte | None]

_COPIED = "keyframes", "previous", "painted", "finished"
"""Folders that belong to a job, within `files_folder`."""


@dataclass(frozen=True, slots=True)
class JobContent:
    """What a job is made from, wherever it comes from.

    Attributes:
        clip, source: the clip, described and open.
        bounds: frames to propagate.
        keyframes: their frames.
        keyframe: returns the mask of a keyframe.
        previous: returns a mask of the earlier run to fuse with, or None; None = there was none.
        locked, absent: frames.
        edge_folder: folder with edge settings, None = there is none.
        head: see `ShotJob`.
    """

    clip: Clip
    source: VideoSource
    bounds: FrameRange
    keyframes: Collection[int]
    keyframe: Lookup
    previous: Lookup | None
    locked: Collection[int]
    absent: Collection[int]
    edge_folder: Path | None = None
    head: str = ""


def content_of(session: TrackSession, bounds: FrameRange, direction: Direction, stability: float) -> JobContent:
    """Returns what a propagation of an open cutout would start from now, see `PropagationRun`.

    Raises:
        InputError: it has no keyframes.
    """
    from ..session.edge_record import FILE
    from ..session.run_plan import plan_run

    part = session.part()
    before = plan_run([part], bounds, direction, stability).before
    absent = {frame for start, stop in session.absent_ranges() for frame in range(start, stop)}
    locked = part.history.locked() - absent
    keyframes = session.keyframes()
    if not keyframes:
        raise InputError(f"{session.folder} has no keyframes.", "Draw on a frame in Blender first.")

    def previous(frame: int) -> Matte | None:
        if frame in locked:
            return session.matte(frame)
        return None if before is None else part.history.matte(frame, before[0])

    edges = session.folder if (session.folder / FILE).exists() else None
    fused = previous if before is not None or locked else None
    own = (session.clip, session.source, bounds, keyframes, session.matte, fused)
    return JobContent(*own, locked - set(keyframes), absent, edges, session.head)


def check_name(path: Path) -> None:
    """Raises InputError if a new job file cannot have this path."""
    if not path.name.endswith(SUFFIX) or path.name == SUFFIX:
        raise InputError(f"{path} does not end in {SUFFIX}.", "Give a file name with that ending.")
    if path.exists():
        raise InputError(f"{path} exists.", "Give another name, or delete it first.")


def save_job(
    path: Path,
    content: JobContent,
    engine: Engine,
    program: str,
    direction: Direction,
    options: PropagationOptions,
    *,
    library: str = "",
    masks: Path | None = None,
    task_frames: int = 50,
    outputs: Sequence[JobOutput] = (),
) -> ShotJob:
    """Writes a job file and its own copies of masks and edge settings; returns the job.

    Args:
        path: absolute, see `check_name`.
        content: what it is made from.
        engine: gives tier and weights.
        program: version of the program.
        direction: the way to propagate.
        options: how to propagate.
        library: see `ShotJob`.
        masks: folder for the masks; None = beside the job file.
        task_frames: see `ShotJob`.
        outputs: see `ShotJob`.

    Raises:
        StoreError: a file cannot be written.
        JobError: a value is wrong.
    """
    from ..session.track_session import ALGORITHM

    source, own = content.source, files_folder(path)
    height, width = source.size
    place = str(Path(content.clip.path).absolute())
    job = ShotJob(
        clip=JobClip(place, len(source), (height, width), source.fingerprint, content.clip.files),
        keyframes=tuple(JobKeyframe(frame, str(_mask(own, "keyframes", frame))) for frame in sorted(content.keyframes)),
        masks=str(masks or masks_folder(path)),
        tier=engine.tier,
        weights=engine.weights_id,
        algorithm=ALGORITHM,
        program=program,
        frames=(content.bounds.start, content.bounds.stop),
        previous=str(own / "previous") if content.previous else "",
        locked=_ranges(content.locked),
        absent=_ranges(content.absent),
        direction=direction.value,
        stop_at_cuts=options.stop_at_cuts,
        stop_below=options.stop_below,
        stability=options.stability,
        task_frames=task_frames,
        outputs=tuple(outputs),
        library=library,
        head=content.head,
    )
    output_files.prepare_folder(path.parent)
    _copy(own, content)
    write_job(path, job)
    return job


def masks_folder(path: Path) -> Path:
    """Returns the folder beside a job file for its masks, unless it names another."""
    return path.with_name(f"{path.name.removesuffix(SUFFIX)}-masks")


def _copy(own: Path, content: JobContent) -> None:
    from ..images.matte import to_png
    from ..session.edge_record import FILE

    output_files.prepare_folder(own)
    for name in _COPIED:  # of a job that was deleted
        if atomic.is_folder(own / name):
            shutil.rmtree(own / name)
    lookups: list[tuple[str, Iterable[int], Lookup]] = [("keyframes", sorted(content.keyframes), content.keyframe)]
    if content.previous is not None:
        lookups.append(("previous", range(len(content.source)), content.previous))
    for name, frames, lookup in lookups:
        output_files.prepare_folder(own / name)
        for frame in frames:
            matte = lookup(frame)
            if matte is not None:
                output_files.write_bytes(_mask(own, name, frame), to_png(matte))
    if content.edge_folder is not None:
        output_files.write_bytes(own / FILE, (content.edge_folder / FILE).read_bytes())


def _mask(own: Path, name: str, frame: int) -> Path:
    return own / name / f"{frame:06d}.png"


def _ranges(frames: Collection[int]) -> tuple[tuple[int, int], ...]:
    from ..propagation.absent import runs_of

    return tuple(runs_of(frames))
