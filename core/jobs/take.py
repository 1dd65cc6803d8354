"""Puts the masks of a finished job into the cutout that it was made from, as one operation."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..propagation.outcome import MatteKind
from ..types import Direction, FrameRange, PropagationOptions
from .finished import Finished
from .job_file import ShotJob
from .tasks import PROPAGATE, tasks_of

if TYPE_CHECKING:
    from ..session.track_session import TrackSession
    from ..types import Mattes


def check_finished(path: Path, job: ShotJob) -> None:
    """Raises InputError if a mask of the job in that file may still be missing."""
    finished = Finished(path)
    left = [task.name for task in tasks_of(job) if task.kind == PROPAGATE and task not in finished]
    if left:
        raise InputError(f"{path} is not finished: {left[0]} is not done.", "Run the job first.")


def take(path: Path, job: ShotJob, session: TrackSession) -> Iterator[tuple[int, Path | None, MatteKind]]:
    """Records the masks of a finished job as a propagation of the cutout; yields as `TrackSession.propagate`.

    The session must not be used for anything that needs its engine before `TrackSession.use` has given it one again.

    Raises:
        InputError: the job is not finished, or the cutout is not as it was when the job was made.
    """
    check_finished(path, job)
    if not job.head:
        raise InputError(f"{path} was not made from a cutout.", "Import its masks with `cutout import`.")
    if session.source.fingerprint != job.clip.fingerprint:
        raise InputError(f"{session.folder} is of another clip than the job.", "Give the folder that it was made from.")
    if session.head != job.head:
        raise InputError(
            f"{session.folder} was changed after the job was made, or it is another cutout.",
            "Undo what was done since, or make the job again.",
        )
    engine: Any = FinishedMasks(Path(job.masks), job.clip.size, job.tier, job.weights)
    session.use(engine)
    options = PropagationOptions(stop_at_cuts=job.stop_at_cuts, stop_below=job.stop_below, stability=job.stability)
    return session.propagate(job.range, Direction(job.direction), options)


@dataclass(frozen=True, slots=True)
class FinishedMasks:
    """Stands in for the engine that made the masks of a job: gives them instead of computing them.

    Attributes:
        folder: with the masks.
        size: their (height, width).
        tier, weights_id: of that engine.
    """

    folder: Path
    size: tuple[int, int]
    tier: str
    weights_id: str

    def propagate_detailed(
        self, frames: Any, keyframes: Mapping[int, Mattes], *, frame_range: FrameRange, **_: Any
    ) -> Generator[tuple[int, Mattes, MatteKind], None, None]:
        """Yields (frame, mask (1, H, W), kind); masks are final, and not stabilised once more."""
        from ..images.matte import read_mask

        for frame in frame_range:
            path = self.folder / f"{frame:06d}.png"
            if frame in keyframes:
                yield frame, keyframes[frame], MatteKind.DRAWN
            elif path.exists():
                yield frame, read_mask(path, self.size)[None], MatteKind.KEPT
