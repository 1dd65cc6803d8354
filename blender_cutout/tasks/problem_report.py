"""Writes a report about a problem, without names and paths of the artist, and shows all of it."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from ..core import atomic
from ..host import storage, strips
from ..scene import preference_values, properties
from ..version import __version__

NAME = "Cutout Problem Report"
_LINES = 80
"""Lines of the engine's log in the report."""
_READ = 64 * 1024
_PATH = re.compile(r"""(?:\b[A-Za-z]:[\\/]|\\\\|(?<![\w.<])//?(?=\w)).*?(?=: |["'\n]|$)""", re.MULTILINE)
"""A path, and the rest of the line up to a quote or a colon: names may hold blanks."""


def write(scene: Any) -> Path:
    """Writes the report to the add-on's folder and to a text of the .blend; returns the file. Raises OSError."""
    text = report(scene)
    file = storage.user_folder("logs") / "problem-report.txt"
    with atomic.replacing(file) as new:
        new.write(text.encode())
    shown = bpy.data.texts.get(NAME) or bpy.data.texts.new(NAME)
    shown.clear()
    shown.write(text)
    return file


def show() -> None:
    """Opens a window with the whole report; does nothing without a screen."""
    if bpy.app.background:
        return
    bpy.ops.wm.window_new()
    area = bpy.context.window_manager.windows[-1].screen.areas[0]
    area.type = "TEXT_EDITOR"
    space = area.spaces.active
    space.text, space.show_word_wrap, space.top = bpy.data.texts[NAME], True, 0


def report(scene: Any) -> str:
    """Returns the report."""
    status, chosen = properties.status(), preference_values.current()
    lines = [
        f"Blender Cutout {__version__}, Blender {bpy.app.version_string}, {platform.system()} {platform.machine()}",
        f"Engine: {status.engine or 'not started'}; tier {chosen.tier}, device {chosen.device}",
        f"Last message: {status.level} {status.text} {status.hint}".rstrip(),
        "",
    ]
    for number, track in enumerate(scene.cutout.tracks, 1):
        lines.append(
            f"Cutout {number}: {track.frame_count} frames of {track.width}x{track.height}, "
            f"{track.keyframe_count} with strokes, {track.done_count} with a mask, written as {track.written_as or '-'}"
        )
    lines += ["", f"The last {_LINES} lines of the engine's log:", *_log()]
    return anonymous("\n".join(lines), _names(scene)) + "\n"


def anonymous(text: str, names: Iterable[str]) -> str:
    """Returns the text with every path and each of the names replaced."""
    home = str(Path.home())
    for private in sorted({home, *names} - {""}, key=len, reverse=True):
        if len(private) > 2:
            text = re.sub(rf"(?<!\w){re.escape(private)}(?!\w)", "<name>" if private != home else "/home", text)
    return _PATH.sub("<path>", text)


def _names(scene: Any) -> set[str]:
    """Returns the names that the artist gave."""
    found = {Path(bpy.data.filepath).stem, Path.home().name, platform.node(), scene.name}
    found.update(track.name for track in scene.cutout.tracks)
    for place in strips.places(scene.sequence_editor) if scene.sequence_editor is not None else ():
        found.add(place.strip.name)
        found.update(element.filename for element in list(getattr(place.strip, "elements", ()))[:1])
    return found


def _log() -> list[str]:
    try:
        with (storage.user_folder("logs") / "engine.log").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _READ))
            return file.read().decode("utf-8", "replace").splitlines()[-_LINES:]
    except OSError:
        return ["(there is none)"]
