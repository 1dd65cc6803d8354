"""A cutout whose clip has become another one: it begins again, with the name, colour and strokes that it has."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import bpy

from . import storage
from .strips import places

_TEXTS = ("head", "drawn", "keyframes", "mattes", "locks", "locked_frames", "confidence", "doubtful", "applied")
_ZERO = dict.fromkeys((*_TEXTS, "written_head"), "")
_COUNTS = ("frame_count", "width", "height", "keyframe_count", "done_count")


def begin_again(scene: Any, track: Any) -> str:
    """Gives a cutout a new folder without rounds; returns its new uuid.

    What it wrote into the sequencer stays until it is written again; the old folder stays on disk. Its strokes count
    as not applied.
    """
    old, track.uuid = track.uuid, uuid4().hex
    track.folder = storage.stored(storage.new_folder(track.uuid), bpy.data.filepath)
    for name, value in _ZERO.items():
        setattr(track, name, value)
    for name in _COUNTS:
        setattr(track, name, 0)
    for place in places(scene.sequence_editor):
        for key in [key for key, value in place.strip.items() if value == old]:
            place.strip[key] = track.uuid
    return str(track.uuid)
