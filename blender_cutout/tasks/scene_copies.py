"""Gives the cutouts of a copied or appended scene, and of strips pasted into another scene, folders of their own.

Blender copies a cutout's id and the name of its folder with its scene, and of a pasted strip only the id. Two cutouts
in one folder would change each other's masks, and the engine knows a cutout by its id. Pictures are shared by hard
links where the disk supports them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from ..core.errors import InputError, StoreError
from ..host import contents, storage, strips
from ..host.output import placement
from ..scene import properties
from . import jobs

_owners: dict[str, int] = {}
"""Cutout → session id of the scene that had it when it was last looked at."""


def forget() -> None:
    """Forgets which scene has which cutout, because another file is opened."""
    _owners.clear()


def separate() -> list[str]:
    """Separates copied, appended and pasted cutouts from those they were copied from; returns their scenes' names.

    Cheap if there are none, so it can be called at any time.
    """
    _bring_pasted()
    holders: dict[str, list[Any]] = {}
    for scene, track in properties.tracks():
        holders.setdefault(track.uuid, []).append(scene)
    named = []
    for uuid, scenes in holders.items():
        owner = _owner(uuid, scenes)
        named += [scene for scene in scenes if scene != owner and scene not in named]
    origins = _libraries()
    changed = []
    for scene in [*named, *(scene for scene in bpy.data.scenes if scene not in named and scene.library is None)]:
        new: dict[str, str] = {}
        if scene in named or any(origins and _appended(track, origins) for track in scene.cutout.tracks):
            _drop_stripless(scene)
        for track in scene.cutout.tracks:
            if scene in named and len(holders.get(track.uuid, ())) > 1:
                _renew(track, _folder_of(track), new)
            elif origins and (source := _appended(track, origins)) is not None:
                _renew(track, source, new)
        if new:
            _rename(scene, new)
            changed.append(scene.name)
    _owners.clear()
    _owners.update((track.uuid, scene.session_uid) for scene, track in properties.tracks())
    if changed:
        jobs.push_undo("Own Masks")
        jobs.say(
            "INFO",
            f"{', '.join(changed)}: the cutouts are copies and have masks of their own now.",
            "The originals do not change with them.",
        )
    return changed


def _bring_pasted() -> None:
    """Adds the cutouts of strips that were pasted from another scene of this file to their new scene."""
    known = {track.strip_uuid: scene for scene, track in properties.tracks()}
    for scene in [scene for scene in bpy.data.scenes if known and scene.library is None and scene.sequence_editor]:
        here = {track.strip_uuid for track in scene.cutout.tracks}
        pasted = {place.strip.get(strips.STRIP_KEY): place.strip.name for place in strips.places(scene.sequence_editor)}
        for uuid in [uuid for uuid in pasted if uuid in known and uuid not in here]:
            for source in [track for track in known[uuid].cutout.tracks if track.strip_uuid == uuid]:
                _owners.setdefault(source.uuid, known[uuid].session_uid)
                track = scene.cutout.tracks.add()
                properties.copy_values(source, track)
                track.strip_name = pasted[uuid]


def _drop_stripless(scene: Any) -> None:
    """Removes the cutouts of a copied scene without their strips: a linked copy has an empty sequencer."""
    tracks = scene.cutout.tracks
    there = strips.places(scene.sequence_editor) if scene.sequence_editor is not None else ()
    known = {place.strip.get(strips.STRIP_KEY) for place in there}
    for index in reversed([i for i, track in enumerate(tracks) if track.strip_uuid not in known]):
        tracks.remove(index)


def _owner(uuid: str, scenes: list[Any]) -> Any:
    """Returns the scene that a cutout belongs to: the one that had it before, otherwise the first."""
    return next((scene for scene in scenes if _owners.get(uuid) == scene.session_uid), scenes[0])


def _folder_of(track: Any) -> Path | None:
    try:
        return storage.track_folder(track)
    except InputError:  # not its own: reported when the file was opened
        return None


def _libraries() -> list[str]:
    """Returns the other .blend files that something was appended or linked from."""
    return [path for library in bpy.data.libraries if (path := bpy.path.abspath(library.filepath))]


def _appended(track: Any, origins: list[str]) -> Path | None:
    """Returns the folder of a cutout that came from another .blend; None if it is this file's own."""
    own = _folder_of(track)
    for origin in origins:
        try:
            folder = storage.resolve(track.folder, origin)
        except InputError:
            continue
        if folder.parent.name == f"{Path(origin).stem}_cutout" and contents.is_session(folder):
            if own is None or own == folder or not contents.is_session(own):
                return folder
    return None


def _renew(track: Any, source: Path | None, new: dict[str, str]) -> None:
    """Gives a cutout a new id and a copy of its folder; `new` collects old ids -> new ones."""
    old, uuid = track.uuid, uuid4().hex
    target = storage.new_folder(uuid)
    if source is not None and contents.is_session(source):
        try:
            contents.copy(source, target)
        except OSError as error:
            raise StoreError(f"The masks of {track.name} could not be copied: {error}", "Free disk space.") from error
    new[old] = uuid
    new.setdefault(track.strip_uuid, uuid4().hex)
    track.uuid, track.strip_uuid = uuid, new[track.strip_uuid]
    track.folder = storage.stored(target, bpy.data.filepath)
    if source is not None:
        _repoint(track.id_data, source, target)


def _repoint(scene: Any, old: Path, new: Path) -> None:
    """Redirects the written strips of a scene from one folder to another."""
    for place in strips.places(scene.sequence_editor) if scene.sequence_editor is not None else ():
        if place.strip.type == "IMAGE":
            pictures = Path(bpy.path.abspath(place.strip.directory))
            if old in pictures.parents:
                folder = str(new / pictures.relative_to(old))
                place.strip.directory = (bpy.path.relpath(folder) if bpy.data.filepath else folder) + "/"
                place.strip.invalidate_cache("RAW")


def _rename(scene: Any, new: dict[str, str]) -> None:
    """Replaces ids in a scene's strips, and gives its splines a data-block of their own."""
    masks: dict[str, Any] = {}
    for place in strips.places(scene.sequence_editor) if scene.sequence_editor is not None else ():
        strip = place.strip
        for key, value in [(k, v) for k, v in strip.items() if isinstance(v, str) and v in new]:
            strip[key] = new[value]
        for modifier in [m for m in strip.modifiers if m.type == "MASK" and m.input_mask_id is not None]:
            mask = modifier.input_mask_id
            if mask.get(placement.MASK_KEY) in new:
                if mask.name not in masks:
                    masks[mask.name] = mask.copy()
                    masks[mask.name][placement.MASK_KEY] = new[mask[placement.MASK_KEY]]
                modifier.input_mask_id = masks[mask.name]
