"""A .blend with its folder as others might send them, and the artist's files next to it, for tests of attacks.

Everything is in the test's own folder. Private files are marked by their contents.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy_kit as kit

PRIVATE = b"PRIVATE: not to be sent"
UUID, GOOD, OTHER = "a1" * 16, "b2" * 16, "c3" * 16
"""Ids of the cutout that is tampered with, of an intact one, and of one in another project."""
OPERATION = "0123456789abcdef"
FRAMES = "frames-0a0b0c0d-0123456789abcdef-0-3"


@dataclass
class Place:
    """Paths of the files.

    Attributes:
        blend: the received file, in its own folder.
        victim: a folder of the artist's.
        other: the folder of another project's cutout, next to the received one.
    """

    blend: Path
    victim: Path
    other: Path

    @property
    def folder(self) -> Path:
        """Returns the folder of the received cutout."""
        return self.blend.parent / f"{self.blend.stem}_cutout" / UUID

    @property
    def frames(self) -> Path:
        """Returns the folder of the received rendered frames."""
        return self.folder.with_name(FRAMES)


def session(folder: Path, content: bytes = b"mask") -> Path:
    """Returns the files of a cutout's folder."""
    for name in ("imported", f"mattes/{OPERATION}/small", "matte", "matte-cutout"):
        (folder / name).mkdir(parents=True)
    pictures = (f"imported/{'5' * 24}.png", "matte/000001.png", "matte-cutout/000001.exr")
    for name in ("session.json", "rounds.jsonl", *pictures, "lock"):
        (folder / name).write_bytes(content)
    for name in ("000001.png", "small/000001.png", "confidences.txt", "confidence.txt", "unfinished"):
        (folder / "mattes" / OPERATION / name).write_bytes(content)
    return folder


def rendered(folder: Path, content: bytes = b"frame") -> Path:
    """Returns the files of a folder of rendered frames."""
    folder.mkdir(parents=True)
    for name in ("000001.png", "000002.png", "000003.png", "done.json"):
        (folder / name).write_bytes(content)
    return folder


def lay_out(root: Path) -> Place:
    """The received project, and the files near it."""
    place = Place(root / "post" / "shot.blend", root / "home" / "victim", root / "post" / "mine_cutout" / OTHER)
    session(place.folder)
    session(place.folder.with_name(GOOD))
    rendered(place.frames)
    session(place.other, PRIVATE)
    (place.victim / ".ssh").mkdir(parents=True)
    rendered(place.victim.with_name(FRAMES), PRIVATE)
    session(place.victim.with_name(UUID), PRIVATE)
    for name in ("thesis.txt", ".ssh/id_rsa", "000001.png", "done.json"):
        (place.victim / name).write_bytes(PRIVATE)
    return place


def record(place: Place, **changes: Any) -> str:
    """Returns a strip's record of its rendered frames."""
    right = {
        "folder": f"//{place.frames.parent.name}/{FRAMES}",
        "count": 3,
        "width": 64,
        "height": 36,
        "offset": 0,
        "mark": "0123456789abcdef",
        "output": False,
    }
    return json.dumps(right | changes)


def write_blend(bpy: Any, place: Place, tamper: Callable[[Any, Any], None]) -> None:
    """Writes the received file: two cutouts and a strip with rendered frames, changed by `tamper(track, strip)`."""
    from blender_cutout.host import rendered_frames as frames
    from blender_cutout.host import strips
    from blender_cutout.tasks import handlers

    scene = kit.fresh_scene(bpy)
    strip = kit.add_strip(scene, kit.write_clip(place.blend.parent / "clip"), kit.LAYOUTS["plain"])
    for uuid, name in ((UUID, "bad"), (GOOD, "good")):
        track = scene.cutout.tracks.add()
        track.uuid, track.name, track.folder = uuid, name, f"//{place.folder.parent.name}/{uuid}"
        track.strip_uuid, track.strip_name, track.frame_count = strips.tag(strip), strip.name, kit.LENGTH
    strip[frames.KEY] = record(place)
    for track in scene.cutout.tracks:
        track.strip_uuid = strip[strips.STRIP_KEY]
    tamper(scene.cutout.tracks[0], strip)
    handlers.unregister()  # in the sender's Blender the add-on does not check what is saved
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(place.blend))
    finally:
        handlers.register()
    bpy.ops.wm.read_factory_settings(use_empty=True)


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Returns every entry below a folder → its kind and bytes (a link's target); links are not followed."""
    found: dict[str, tuple[int, bytes]] = {}
    for base, folders, files in () if folder.is_symlink() else os.walk(folder):
        for name in (*folders, *files):
            path = Path(base) / name
            kind = stat.S_IFMT(path.lstat().st_mode)
            if kind == stat.S_IFLNK:
                data = os.fsencode(os.readlink(path))
            else:
                data = path.read_bytes() if kind == stat.S_IFREG else b""
            found[path.relative_to(folder).as_posix()] = (kind, data)
    return found


def private_copies(folder: Path) -> list[str]:
    """Returns the files below a folder that hold private data; links are not followed."""
    return sorted(name for name, (_, data) in contents(folder).items() if PRIVATE in data)


def save_all_ways(bpy: Any, place: Place) -> list[tuple[str, str]]:
    """Opens the received file, saves it, as a copy and under another name; returns (level, text) after each."""
    status, messages = bpy.context.window_manager.cutout, []
    ways: list[Callable[[], Any]] = [
        lambda: bpy.ops.wm.open_mainfile(filepath=str(place.blend)),
        lambda: bpy.ops.wm.save_mainfile(),
        lambda: bpy.ops.wm.save_as_mainfile(filepath=str(place.blend.with_name("copy.blend")), copy=True),
        lambda: bpy.ops.wm.save_as_mainfile(filepath=str(place.blend.parent.parent / "else" / "second.blend")),
    ]
    (place.blend.parent.parent / "else").mkdir()
    for way in ways:
        status = bpy.context.window_manager.cutout
        status.level, status.text, status.hint = "INFO", "", ""
        assert way() == {"FINISHED"}
        status = bpy.context.window_manager.cutout
        messages.append((status.level, status.text))
    return messages


def check_untouched(tmp_path: Path, before: dict[str, Any], place: Place, capfd: Any) -> None:
    """Asserts that nearby files are unchanged and were not copied, and that no handler failed."""
    assert "Traceback" not in "".join(capfd.readouterr())
    assert contents(tmp_path / "home") == before["home"]
    assert contents(place.other) == before["other"]
    assert all(path.lstat().st_nlink == 1 for path in place.victim.rglob("*") if path.is_file())
    for folder in (tmp_path / "else", place.folder.parent, place.blend.parent / "copy_cutout"):
        assert not private_copies(folder), f"private files were copied into {folder}"
    if place.folder.parent.is_symlink():
        return
    good = place.blend.parent.parent / "else" / "second_cutout" / GOOD
    assert (good / "rounds.jsonl").read_bytes() == b"mask", "the other cutout was not copied"
