"""Finds rounds that were made after the open .blend was saved, and takes them or leaves them out.

The engine records every step at once, so after a crash, a revert or with an older copy of the .blend its journal on
disk is ahead of the file. Neither choice deletes anything: steps stay in the journal whatever is shown.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..client.job_queue import Job
from ..core.errors import CutoutError
from ..host import contents, storage
from ..scene import properties
from . import jobs
from .collected_errors import CollectedErrors

if TYPE_CHECKING:
    from ..core.session.journal_end import JournalEnd

_DAY = 86400.0


def after_load() -> None:
    """Looks for later rounds of every cutout of the file that was just opened."""
    collected = CollectedErrors()
    for _scene, track in properties.tracks():
        with collected.of(track.name):
            _look(track)
    collected.show()


def waiting() -> list[tuple[Any, Any]]:
    """Returns (scene, cutout) for each cutout whose later rounds the artist has yet to decide on."""
    return [(scene, track) for scene, track in properties.tracks() if track.later_text]


def kept_back(scene: Any) -> list[Any]:
    """Returns the cutouts of a scene that have later rounds, including those the artist chose to leave out."""
    return [track for track in scene.cutout.tracks if track.later]


def take(scene: Any, tracks: list[Any]) -> list[Job]:
    """Moves cutouts to their later rounds; returns the jobs. Raises CutoutError if the engine cannot do that."""
    from ..core.messages import Checkout

    found = []
    for uuid, head in [(track.uuid, track.later) for track in tracks]:
        track = next(one for one in scene.cutout.tracks if one.uuid == uuid)
        found.append(
            jobs.submit(
                scene,
                track,
                "Taking later rounds",
                lambda wire, u=uuid, h=head: Checkout(wire, u, h),  # type: ignore[misc]
                then=lambda _, u=uuid: _taken(u),  # type: ignore[misc]
                undo="Take Later Rounds",
            )
        )
    return found


def leave() -> int:
    """Keeps the file's state for every cutout; returns how many there were."""
    found = waiting()
    for _scene, track in found:
        track.later_text = ""
    return len(found)


def _taken(uuid: str) -> str:
    found = properties.track_by_uuid(uuid)
    if found is not None:
        found[1].later = found[1].later_text = ""
    return "The later rounds are back."


def _look(track: Any) -> None:
    """Records in a cutout whether its journal on disk is ahead of the file."""
    from ..core.session.journal_end import read_end

    try:
        end = read_end(storage.track_folder(track) / contents.ROUNDS, track.head)
    except CutoutError:  # reported by `project_folders.after_load`
        return
    if end is None or not end.head or end.head == track.head or not end.later:
        if track.later_text:
            track.later = track.later_text = ""
    elif end.head != track.later:  # otherwise the artist knows
        track.later, track.later_text = end.head, _text(track.name, end)


def _text(name: str, end: JournalEnd) -> str:
    steps = "1 step" if end.later == 1 else f"{end.later} steps" if end.later > 1 else "later steps"
    day = "%H:%M" if abs(time.time() - end.time) < _DAY / 2 else "%Y-%m-%d %H:%M"
    at = time.strftime(day, time.localtime(end.time))
    return f"{name}: {steps} on disk, the last at {at}, {'is' if end.later == 1 else 'are'} not in this file."
