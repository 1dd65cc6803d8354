"""The folders of a project follow its .blend: moved when it is saved for the first time, copied when it is saved as.

A file saved under another name is a version of its own: what is written there must not change the masks of the first
one. Pictures are shared by hard links where the disk can, so a copy takes hardly any room. While the engine works on a
cutout its folder is copied as it is then, and once more when the engine is done.

What is wrong with one cutout is reported and stops no other: Blender saves the file in any case.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ..client.job_queue import Job
from ..core.errors import CutoutError, InputError, StoreError
from ..host import contents, places, rendered_frames, storage, strips
from ..scene import properties
from . import jobs
from .reports import Reports

if TYPE_CHECKING:
    from ..core.messages import Done

_PATIENCE = 60.0
"""Seconds that saving waits for a folder to be moved to another disk."""
_DAYS = 30
"""How long folders of files that were never saved are kept; Blender's recovered files may still want them."""
_settled: set[str] = set()
"""Cutouts whose folders were put beside the open .blend since it was opened."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A folder that was copied for a version, so that it can be taken back when that is not what goes on.

    Attributes:
        old, new: where it lay, and where its copy, or it itself, lies.
        busy: the engine works in the old one, so that stays the one in use.
        moved: the old one is not there any more.
    """

    old: Path
    new: Path
    busy: bool = False
    moved: bool = False


def before_save(path: str) -> list[Copied]:
    """Puts every folder beside the .blend that is about to be written; returns which were copied for it."""
    copied: list[Copied] = []
    reports = Reports()
    tracks: dict[str, Path] = {}
    for scene, track in list(properties.tracks()):
        with reports.of(track.name):
            if track.uuid not in tracks:
                tracks[track.uuid] = _settle(scene, track, path, copied, reports)
            track.folder = storage.stored(tracks[track.uuid], path)
    rendered: dict[Path, Path] = {}
    for folder in _record_folders(reports):
        with reports.of("Rendered frames"):
            rendered[folder] = _settle_frames(folder, path, copied, reports)
    _keep_records(bpy.data.filepath, path, rendered)
    reports.show()
    return copied


def after_save(path: str, copied: list[Copied]) -> None:
    """The open .blend goes on with the folders of before where a copy was saved, or saving failed.

    It does so too where the engine is at work in them, until that is done: see `catch_up`.
    """
    here = bpy.data.filepath
    back = {one.new: one.old for one in copied if one.busy or path != here}
    if path == here and not back:
        return
    reports = Reports()
    for one in copied:
        with reports.of(one.old.name):
            if path == here:
                storage.stays.update([one.old] if one.busy else [])
                continue
            if one.moved:
                contents.copy(one.new, one.old)  # the file that was never saved goes on as it was
            _reopen(one.old)
    for _scene, track in properties.tracks():
        with reports.of(track.name), suppress(InputError):  # which was reported before saving
            folder = storage.track_folder(track, path)
            track.folder = storage.stored(back.get(folder, folder), here)
    _keep_records(path, here, back)
    for new, old in back.items():
        repoint(new, old, here)
    if path == here:
        jobs.say(
            "INFO",
            "The engine is still at work on masks of the file of before.",
            f"When it is done they are copied beside {Path(here).name}: save that once more then.",
        )
    reports.show()


def catch_up() -> None:
    """Copies what the engine made while the .blend was saved under another name; to be called when it is done."""
    here = bpy.data.filepath
    if not here or not storage.stays or jobs.queue.jobs:
        return
    copied: list[Copied] = []
    reports = Reports()
    for scene, track in list(properties.tracks()):
        with reports.of(track.name), suppress(InputError):
            if storage.track_folder(track) in storage.stays:
                track.folder = storage.stored(_settle(scene, track, here, copied, reports), here)
    for folder in _record_folders(Reports()) & storage.stays:
        with reports.of("Rendered frames"):
            _keep_records(here, here, {folder: _settle_frames(folder, here, copied, reports)})
    storage.stays.difference_update(one.old for one in copied)
    status = properties.status()
    if copied and status.level == "INFO":
        jobs.push_undo("Copy Masks")
        jobs.say("INFO", f"{status.text} The masks were copied beside {Path(here).name}.", "Save it to keep them.")
    reports.show()


def after_undo() -> None:
    """Keeps cutouts on the folders beside the .blend when an undo goes back to before it was saved there."""
    here, reports = bpy.data.filepath, Reports()
    for _scene, track in properties.tracks() if here and _settled else ():
        with reports.of(track.name), suppress(InputError):
            target = storage.folder_beside(here, track.uuid)
            if track.uuid in _settled and track.folder != storage.stored(target, here) and contents.is_session(target):
                repoint(Path(bpy.path.abspath(track.folder)), target, here)
                track.folder = storage.stored(target, here)
    reports.show()


def after_load() -> None:
    """Reports folders that the opened .blend names and that are not its own, or are another file's as well."""
    storage.stays.clear()
    _settled.clear()
    reports, here = Reports(), Path(bpy.data.filepath or "_")
    for _scene, track in properties.tracks():
        with reports.of(track.name):
            lies_in = storage.track_folder(track).parent
            _check_own(track.folder, lies_in)
            stem = lies_in.name.removesuffix(places.SUFFIX)
            other = here.with_name(f"{stem}.blend")
            if stem != here.stem and lies_in.parent == here.parent and other.is_file():
                raise InputError(
                    f"Its masks lie in {lies_in.name}, and are those of {other.name} too.",
                    "Save this file, and it has its own. Until then each changes the masks of the other.",
                )
    _record_folders(reports)
    reports.show()


def repoint(old: Path, new: Path, blend: str) -> None:
    """Has every picture strip in `old` look into `new`."""
    for strip in _strips():
        if strip.type == "IMAGE":
            pictures = Path(bpy.path.abspath(strip.directory))
            if old == pictures or old in pictures.parents:
                strip.directory = _pointed(new / pictures.relative_to(old), blend) + "/"


def clean_unsaved(days: float = _DAYS) -> list[Path]:
    """Deletes folders of files that were never saved and have not been touched for so many days; returns them.

    Only folders that hold nothing but a cutout's work, or rendered frames.
    """
    used = _record_folders(Reports())
    for _scene, track in properties.tracks():
        with suppress(InputError):
            used.add(storage.track_folder(track))
    deleted = []
    oldest = time.time() - days * 86400
    with suppress(OSError):
        for folder in storage.user_folder("unsaved").iterdir():
            if folder in used or not (contents.is_session(folder) or contents.is_rendered(folder)):
                continue
            with suppress(OSError):
                if max(p.lstat().st_mtime for p in (folder, *folder.iterdir())) < oldest and contents.remove(folder):
                    deleted.append(folder)
    return deleted


def _settle(scene: Any, track: Any, path: str, copied: list[Copied], reports: Reports) -> Path:
    """Puts a cutout's folder beside a .blend; returns where it lies for that: where it lay when that fails.

    Raises:
        InputError: the folder is not this .blend's own.
    """
    folder = storage.track_folder(track)
    busy = any(track.uuid in (job.track, *job.others) for job in jobs.queue.jobs)
    with _stays(folder, reports):
        target = storage.folder_beside(path, track.uuid)
        if folder != target and contents.is_empty(folder):  # not opened yet: it begins there
            copied += [Copied(folder, target, busy)] if busy else []
        elif folder != target and not contents.is_session(folder):
            raise StoreError(f"{folder} holds no masks.", "Remove the cutout, and begin a new one.")
        elif folder != target and storage.is_unsaved(folder) and not busy and contents.is_empty(target):
            if _move_track(scene, track, folder, target) != target:
                return folder
            copied.append(Copied(folder, target, moved=True))
        elif folder != target:
            _copy(folder, target, path, busy, copied)
        _settled.update([] if busy else [track.uuid])
        return target
    return folder


def _settle_frames(folder: Path, path: str, copied: list[Copied], reports: Reports) -> Path:
    """As `_settle`, a folder of rendered frames that is the open .blend's own."""
    with _stays(folder, reports):
        target = storage.folder_beside(path, folder.name)
        if folder == target:
            return target
        if not contents.is_rendered(folder):
            raise StoreError(f"{folder} holds no rendered frames.", "Press Render RenderedFrames.")
        if storage.is_unsaved(folder) and not jobs.queue.jobs and not os.path.lexists(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(str(folder), str(target))
            copied.append(Copied(folder, target, moved=True))
            repoint(folder, target, path)
            _reopen(folder)
        else:
            _copy(folder, target, path, bool(jobs.queue.jobs), copied)
        return target
    return folder


@contextmanager
def _stays(folder: Path, reports: Reports) -> Iterator[None]:
    """Reports what goes wrong in the block; the .blend goes on with the folder where it lies."""
    try:
        yield
    except (OSError, shutil.Error, CutoutError) as error:
        storage.stays.add(folder)
        text = f"The masks could not be put beside the new .blend: {error}"
        reports.found.append((text, f"Both files use {folder} now: Write Strips in one changes the other. Save again."))


def _copy(folder: Path, target: Path, path: str, busy: bool, copied: list[Copied]) -> None:
    """Copies a folder, in place of an earlier copy. Raises OSError; StoreError when other files are in the way."""
    other = contents.foreign(target)
    if other:
        raise StoreError(f"{target} holds other files ({places.shown(other)}) and is not replaced.")
    contents.copy(folder, target)
    copied.append(Copied(folder, target, busy))
    repoint(folder, target, path)
    if not busy:
        storage.stays.discard(folder)
        _reopen(folder)


def _move_track(scene: Any, track: Any, folder: Path, target: Path) -> Path:
    """Moves a cutout's folder beside the .blend; returns where it lies afterwards."""
    from ..core.messages import Failed, MoveTrack

    uuid = track.uuid
    try:
        if jobs.queue.running and uuid in jobs.queue.heads:
            job: Job = jobs.submit(scene, track, "Moving", lambda wire: MoveTrack(wire, uuid, str(target)), _moved)
            outcome = jobs.wait(job, _PATIENCE)
            if isinstance(outcome, Failed):
                return folder
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                target.rmdir()  # empty: a folder is not moved into another
            shutil.move(str(folder), str(target))
    except (OSError, TimeoutError) as error:
        jobs.say("WARNING", f"The masks could not be moved beside the .blend: {error}", f"They stay in {folder}")
        return folder
    except CutoutError as error:
        jobs.say("WARNING", error.text, error.hint)
        return folder
    repoint(folder, target, "")
    return target


def _moved(_: Done) -> str:
    return "The masks were moved beside the .blend."


def _strips() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            yield from (place.strip for place in strips.places(scene.sequence_editor))


def _record_folders(reports: Reports) -> set[Path]:
    """The folders of all strips' rendered frames; those that are not the open .blend's own are reported."""
    found = set()
    for strip in _strips():
        if strip.get(rendered_frames.KEY):
            with reports.of(strip.name):
                record = rendered_frames.read(strip)
                if record is None:
                    raise InputError(
                        "What it says of its rendered frames makes no sense.", "Press Render RenderedFrames."
                    )
                found.add(record.path)
                _check_own(record.folder, record.path.parent)
    return found


def _check_own(folder: str, used: Path) -> None:
    """Raises InputError when a folder that the .blend names is not its own, and the one in `used` is in its place."""
    if not storage.is_own(folder):
        raise InputError(
            f"The .blend names {places.shown(folder)} as its folder, which is not the file's own.",
            f"That in {used.name} is used.",
        )


def _keep_records(was: str, now: str, moved: dict[Path, Path]) -> None:
    """Has every strip with rendered frames, whose folders were kept for one .blend, keep them for another."""
    for strip in _strips():
        record = rendered_frames.read(strip)
        with suppress(InputError):  # not its own: reported
            if record is not None:
                folder = record.path_of(was)
                rendered_frames.keep(strip, replace(record, folder=storage.stored(moved.get(folder, folder), now)))


def _pointed(folder: Path, blend: str) -> str:
    """A folder as a strip keeps it: relative where that holds for the open .blend and for the one being written."""
    here = bpy.data.filepath
    if here and blend and Path(here).parent == Path(blend).parent:
        with suppress(ValueError):
            return str(bpy.path.relpath(str(folder)))
    return str(folder)


def _reopen(folder: Path) -> None:
    """The engine is to open the cutout of a folder again where it lies now; for rendered frames all cutouts."""
    for _scene, track in properties.tracks():
        if folder.name == track.uuid or not places.is_track(folder.name):
            jobs.queue.heads.pop(track.uuid, None)
