"""Keeps project folders with the .blend: moves them on the first save, copies them on Save As.

A file saved under another name is a separate version: work in it must not change the masks of the first one. Pictures
are shared by hard links where the disk supports them, so a copy needs little space. If the engine is working on a
cutout, its folder is copied at once and again when the engine is done.

An error with one cutout is reported and does not stop the others: Blender saves the file in any case.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from ..client.job_queue import Job
from ..core.errors import CutoutError, InputError, StoreError
from ..host import contents, places, rendered_frames, storage, strips
from ..scene import properties
from . import jobs
from .collected_errors import CollectedErrors

if TYPE_CHECKING:
    from ..core.messages import Done

_PATIENCE = 60.0
"""Seconds that saving waits while a folder moves to another disk."""
_DAYS = 30
"""Days that folders of never saved files are kept; recovered files may still need them."""
_settled: set[str] = set()
"""Cutouts whose folders were put next to the open .blend since it was opened."""


class Copied(NamedTuple):
    """A folder copied for a newly saved version, so that the change can be reverted if that version is not kept open.

    Attributes:
        old, new: the old path, and the path of the copy or of the moved folder.
        busy: the engine works in the old folder, which therefore stays in use.
        moved: the old folder no longer exists.
    """

    old: Path
    new: Path
    busy: bool = False
    moved: bool = False


def before_save(path: str) -> list[Copied]:
    """Puts every folder next to the .blend about to be written; returns the copied ones."""
    copied: list[Copied] = []
    collected = CollectedErrors()
    tracks: dict[str, Path] = {}
    for scene, track in list(properties.tracks()):
        with collected.of(track.name):
            if track.uuid not in tracks:
                tracks[track.uuid] = _settle(scene, track, path, copied, collected)
            track.folder = storage.stored(tracks[track.uuid], path)
    rendered: dict[Path, Path] = {}
    for folder in _record_folders(collected):
        with collected.of("Rendered frames"):
            rendered[folder] = _settle_frames(folder, path, copied, collected)
    _keep_records(bpy.data.filepath, path, rendered)
    collected.show()
    return copied


def after_save(path: str, copied: list[Copied]) -> None:
    """Restores the open .blend's folders after a copy was saved or saving failed.

    Folders in which the engine works are also restored until it is done: see `catch_up`.
    """
    here = bpy.data.filepath
    back = {one.new: one.old for one in copied if one.busy or path != here}
    if path == here and not back:
        return
    collected = CollectedErrors()
    for one in copied:
        with collected.of(one.old.name):
            if path == here:
                storage.stays.update([one.old] if one.busy else [])
                continue
            if one.moved:
                contents.copy(one.new, one.old)  # the unsaved file continues as it was
            _reopen(one.old)
    for _scene, track in properties.tracks():
        with collected.of(track.name), suppress(InputError):  # reported before saving
            folder = storage.track_folder(track, path)
            track.folder = storage.stored(back.get(folder, folder), here)
    _keep_records(path, here, back)
    for new, old in back.items():
        repoint(new, old, here)
    if path == here:
        jobs.say(
            "INFO",
            "The engine is still working on masks of the previous file.",
            f"When it is done, they are copied next to {Path(here).name}; then save that file again.",
        )
    collected.show()


def catch_up() -> None:
    """Copies what the engine made while the .blend was saved under another name; called when it is done."""
    here = bpy.data.filepath
    if not here or not storage.stays or jobs.queue.jobs:
        return
    copied: list[Copied] = []
    collected = CollectedErrors()
    for scene, track in list(properties.tracks()):
        with collected.of(track.name), suppress(InputError):
            if storage.track_folder(track) in storage.stays:
                track.folder = storage.stored(_settle(scene, track, here, copied, collected), here)
    for folder in _record_folders(CollectedErrors()) & storage.stays:
        with collected.of("Rendered frames"):
            _keep_records(here, here, {folder: _settle_frames(folder, here, copied, collected)})
    storage.stays.difference_update(one.old for one in copied)
    status = properties.status()
    if copied and status.level == "INFO":
        jobs.push_undo("Copy Masks")
        jobs.say(
            "INFO", f"{status.text} The masks were copied next to {Path(here).name}.", "Save the file to keep them."
        )
    collected.show()


def after_undo() -> None:
    """Keeps cutouts on the folders next to the .blend when undo goes back to before it was saved there."""
    here, collected = bpy.data.filepath, CollectedErrors()
    for _scene, track in properties.tracks() if here and _settled else ():
        with collected.of(track.name), suppress(InputError):
            target = storage.folder_beside(here, track.uuid)
            if track.uuid in _settled and track.folder != storage.stored(target, here) and contents.is_session(target):
                repoint(Path(bpy.path.abspath(track.folder)), target, here)
                track.folder = storage.stored(target, here)
    collected.show()


def after_load() -> None:
    """Reports folders named by the opened .blend that are not its own or are shared with another file."""
    storage.stays.clear()
    _settled.clear()
    collected, here = CollectedErrors(), Path(bpy.data.filepath or "_")
    for _scene, track in properties.tracks():
        with collected.of(track.name):
            lies_in = storage.track_folder(track).parent
            _check_own(track.folder, lies_in)
            stem = lies_in.name.removesuffix(places.SUFFIX)
            other = here.with_name(f"{stem}.blend")
            if stem != here.stem and lies_in.parent == here.parent and other.is_file():
                raise InputError(
                    f"Its masks are in {lies_in.name} and also belong to {other.name}.",
                    "Save this file to give it its own masks. Until then, each file changes the other's masks.",
                )
    _record_folders(collected)
    collected.show()


def repoint(old: Path, new: Path, blend: str) -> None:
    """Redirects every picture strip from `old` to `new`."""
    for strip in _strips():
        if strip.type == "IMAGE":
            pictures = Path(bpy.path.abspath(strip.directory))
            if old == pictures or old in pictures.parents:
                strip.directory = _pointed(new / pictures.relative_to(old), blend) + "/"


def clean_unsaved(days: float = _DAYS) -> list[Path]:
    """Deletes folders of never saved files untouched for the given number of days; returns them.

    Only folders that hold nothing but a cutout's work or rendered frames are deleted.
    """
    used = _record_folders(CollectedErrors())
    for _scene, track in properties.tracks():
        with suppress(InputError):
            used.add(storage.track_folder(track))
    deleted = []
    oldest = time.time() - days * 86400
    with suppress(OSError, StoreError):
        there = [place for place in storage.unsaved_folders() if place.is_dir()]
        for folder in (folder for place in there for folder in place.iterdir()):
            if folder in used or not (contents.is_session(folder) or contents.is_rendered(folder)):
                continue
            with suppress(OSError):
                if max(p.lstat().st_mtime for p in (folder, *folder.iterdir())) < oldest and contents.remove(folder):
                    deleted.append(folder)
    return deleted


def _settle(scene: Any, track: Any, path: str, copied: list[Copied], collected: CollectedErrors) -> Path:
    """Puts a cutout's folder next to a .blend; returns its path, or the old one on failure.

    Raises:
        InputError: the folder is not this .blend's own.
    """
    folder = storage.track_folder(track)
    busy = any(track.uuid in (job.track, *job.others) for job in jobs.queue.jobs)
    with _stays(folder, collected):
        target = storage.folder_beside(path, track.uuid)
        if folder != target and contents.is_empty(folder):  # not open yet: it starts there
            copied += [Copied(folder, target, busy)] if busy else []
        elif folder != target and not contents.is_session(folder):
            raise StoreError(f"{folder} contains no masks.", "Remove the cutout, and start a new one.")
        elif folder != target and storage.is_unsaved(folder) and not busy and contents.is_empty(target):
            if _move_track(scene, track, folder, target) != target:
                return folder
            copied.append(Copied(folder, target, moved=True))
        elif folder != target:
            _copy(folder, target, path, busy, copied)
        _settled.update([] if busy else [track.uuid])
        return target
    return folder


def _settle_frames(folder: Path, path: str, copied: list[Copied], collected: CollectedErrors) -> Path:
    """Does what `_settle` does, for a folder of rendered frames that is the open .blend's own."""
    with _stays(folder, collected):
        target = storage.folder_beside(path, folder.name)
        if folder == target:
            return target
        if not contents.is_rendered(folder):
            raise StoreError(f"{folder} contains no rendered frames.", "Press Render Frames.")
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
def _stays(folder: Path, collected: CollectedErrors) -> Iterator[None]:
    """Reports errors in the block; the .blend keeps using the folder where it is."""
    try:
        yield
    except (OSError, shutil.Error, CutoutError) as error:
        storage.stays.add(folder)
        text = f"The masks could not be copied next to the new .blend: {error}"
        collected.found.append(
            (text, f"Both files use {folder} now: Write Strips in one changes the other. Save again.")
        )


def _copy(folder: Path, target: Path, path: str, busy: bool, copied: list[Copied]) -> None:
    """Copies a folder, replacing an earlier copy. Raises OSError; StoreError if other files are in the way."""
    other = contents.foreign(target)
    if other:
        raise StoreError(f"{target} contains other files ({places.shown(other)}) and is not replaced.")
    contents.copy(folder, target)
    copied.append(Copied(folder, target, busy))
    repoint(folder, target, path)
    if not busy:
        storage.stays.discard(folder)
        _reopen(folder)


def _move_track(scene: Any, track: Any, folder: Path, target: Path) -> Path:
    """Moves a cutout's folder next to the .blend; returns its path afterwards."""
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
                target.rmdir()  # empty, so that the folder is not moved into it
            try:
                os.rename(folder, target)
            except OSError:  # another disk, or on Windows a file that is open
                contents.copy(folder, target)
                contents.remove(folder)
    except (OSError, TimeoutError) as error:
        jobs.say("WARNING", f"The masks could not be moved next to the .blend: {error}", f"They stay in {folder}")
        return folder
    except CutoutError as error:
        jobs.say("WARNING", error.text, error.hint)
        return folder
    repoint(folder, target, "")
    return target


def _moved(_: Done) -> str:
    return "The masks were moved next to the .blend."


def _strips() -> Iterator[Any]:
    for scene in bpy.data.scenes:
        if scene.sequence_editor is not None:
            yield from (place.strip for place in strips.places(scene.sequence_editor))


def _record_folders(collected: CollectedErrors) -> set[Path]:
    """Returns the folders of all strips' rendered frames; reports those that are not the open .blend's own."""
    found = set()
    for strip in _strips():
        if strip.get(rendered_frames.KEY):
            with collected.of(strip.name):
                record = rendered_frames.read(strip)
                if record is None:
                    raise InputError("The data on its rendered frames is damaged.", "Press Render Frames.")
                found.add(record.path)
                _check_own(record.folder, record.path.parent)
    return found


def _check_own(folder: str, used: Path) -> None:
    """Raises InputError if a folder named by the .blend is not its own and `used` replaces it."""
    if not storage.is_own(folder):
        raise InputError(
            f"The .blend names {places.shown(folder)} as its folder, but that folder is not its own.",
            f"The folder in {used.name} is used instead.",
        )


def _keep_records(was: str, now: str, moved: dict[Path, Path]) -> None:
    """Rewrites the rendered-frames folders of every strip from one .blend to another."""
    for strip in _strips():
        record = rendered_frames.read(strip)
        with suppress(InputError):  # not its own; already reported
            if record is not None:
                folder = record.path_of(was)
                rendered_frames.keep(strip, record._replace(folder=storage.stored(moved.get(folder, folder), now)))


def _pointed(folder: Path, blend: str) -> str:
    """Returns a folder as a strip stores it: relative if that is right for the open and the written .blend."""
    here = bpy.data.filepath
    if here and blend and Path(here).parent == Path(blend).parent:
        with suppress(ValueError):
            return str(bpy.path.relpath(str(folder)))
    return str(folder)


def _reopen(folder: Path) -> None:
    """Has the engine reopen a folder's cutout at its new path; for rendered frames, all cutouts."""
    for _scene, track in properties.tracks():
        if folder.name == track.uuid or not places.is_track(folder.name):
            jobs.queue.heads.pop(track.uuid, None)
