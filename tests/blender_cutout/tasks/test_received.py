"""Tests received .blend files: opened, saved, saved as and as a copy, they touch only their own folder.

Each case is a received file in the test's own folder with a different lie in it. In every case the file's other cutout
is copied as usual, the artist gets a message, and no handler fails.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import received_kit as kit
from received_kit import FRAMES, GOOD, OTHER, UUID, Place

pytestmark = pytest.mark.bpy

Tamper = Callable[[Place, Any, Any], None]


def track(name: str, value: Callable[[Place], Any]) -> Tamper:
    """Changes a value of the cutout."""
    return lambda place, track, strip: setattr(track, name, value(place))


def frames(value: Callable[[Place], Any]) -> Tamper:
    """Changes the strip's record of its rendered frames."""
    return lambda place, track, strip: strip.__setitem__("cutout_frames", value(place))


def said(**changes: Any) -> Tamper:
    """Like `frames`, with only some values changed; functions are called with the place."""

    def value(place: Place) -> str:
        return kit.record(place, **{k: v(place) if callable(v) else v for k, v in changes.items()})

    return frames(value)


NAMES: dict[str, Tamper] = {
    "uuid: climbs": track("uuid", lambda p: "../../../home/victim"),
    "uuid: absolute": track("uuid", lambda p: str(p.victim)),
    "uuid: empty": track("uuid", lambda p: ""),
    "uuid: here": track("uuid", lambda p: "."),
    "uuid: above": track("uuid", lambda p: ".."),
    "uuid: home": track("uuid", lambda p: "~"),
    "uuid: capitals": track("uuid", lambda p: UUID.upper()),
    "uuid: end of line": track("uuid", lambda p: UUID + "\n"),
    "uuid: enormous": track("uuid", lambda p: "a" * 100_000),
    "uuid: drive": track("uuid", lambda p: r"C:\Users\artist"),
    "uuid: with a separator": track("uuid", lambda p: f"{UUID}/mattes"),
    "uuid: another project's": track("uuid", lambda p: OTHER),
    "folder: absolute": track("folder", lambda p: str(p.victim)),
    "folder: absolute, called as ours": track("folder", lambda p: str(p.victim.with_name(UUID))),
    "folder: climbs": track("folder", lambda p: "//../home/victim"),
    "folder: climbs, called as ours": track("folder", lambda p: f"//../home/{UUID}"),
    "folder: climbs from its own": track("folder", lambda p: f"//shot_cutout/../../home/{UUID}"),
    "folder: another project's": track("folder", lambda p: f"//mine_cutout/{OTHER}"),
    "folder: the whole project": track("folder", lambda p: "//shot_cutout"),
    "folder: the project's own folder": track("folder", lambda p: "//"),
    "folder: home": track("folder", lambda p: f"~/{UUID}"),
    "folder: root": track("folder", lambda p: "/"),
    "folder: empty": track("folder", lambda p: ""),
    "folder: relative to nothing": track("folder", lambda p: f"home/{UUID}"),
    "folder: drive": track("folder", lambda p: rf"C:\Users\artist\{UUID}"),
    "folder: share": track("folder", lambda p: rf"\\server\share_cutout\{UUID}"),
    "folder: drive behind //": track("folder", lambda p: f"//C:/x_cutout/{UUID}"),
    "folder: enormous": track("folder", lambda p: "//shot_cutout/" + "a/" * 60_000 + UUID),
}
RECORDS: dict[str, Tamper] = {
    "frames: absolute": said(folder=lambda p: str(p.victim)),
    "frames: absolute, called as ours": said(folder=lambda p: str(p.victim.with_name(FRAMES))),
    "frames: climbs": said(folder="//../home/victim"),
    "frames: climbs, called as ours": said(folder=f"//../home/{FRAMES}"),
    "frames: another project's cutout": said(folder="//mine_cutout"),
    "frames: home": said(folder=f"~/{FRAMES}"),
    "frames: a zero byte": said(folder=f"//shot_cutout\0/{FRAMES}"),
    "frames: enormous": said(folder="//" + "a" * 1_000_000),
    "frames: a number": said(folder=3),
    "frames: a list": said(folder=["//shot_cutout", FRAMES]),
    "frames: nothing": said(folder=None),
    "frames: endless": said(count=10**12),
    "frames: no whole count": said(count=2.5),
    "frames: count of 400 digits": frames(lambda p: kit.record(p).replace('"count": 3', '"count": 1' + "0" * 400)),
    "frames: a negative size": said(width=-1),
    "frames: a mark that is none": said(mark=[1]),
    "frames: one value too few": frames(lambda p: '{"folder": "//shot_cutout"}'),
    "frames: not of JSON": frames(lambda p: "{folder"),
    "frames: deep": frames(lambda p: "[" * 100_000),
    "frames: property is a number": frames(lambda p: 7),
    "frames: property is a list": frames(lambda p: [1, 2, 3]),
    "frames: property is a group": frames(lambda p: {"folder": "//shot_cutout", "count": 3}),
}


def replaced(what: Callable[[Place], Path], made: Callable[[Path, Place], None]) -> Tamper:
    """Changes something in the received folder."""

    def tamper(place: Place, track: Any, strip: Any) -> None:
        path = what(place)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        made(path, place)

    return tamper


def link_to(what: Callable[[Place], Path]) -> Callable[[Path, Place], None]:
    return lambda path, place: path.symlink_to(what(place))


def a_socket(path: Path, place: Place) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def inside(name: str) -> Callable[[Place], Path]:
    return lambda place: place.folder / name


LINKS: dict[str, Tamper] = {
    "link: the cutout's folder": replaced(inside(""), link_to(lambda p: p.victim.with_name(UUID))),
    "link: all cutouts' folder": replaced(lambda p: p.folder.parent, link_to(lambda p: p.victim.parent)),
    "link: to itself": replaced(inside(""), link_to(lambda p: p.folder)),
    "link: the rendered frames": replaced(lambda p: p.frames, link_to(lambda p: p.victim.with_name(FRAMES))),
}
QUIET: dict[str, Tamper] = {
    "link: the masks": replaced(inside("mattes"), link_to(lambda p: p.victim)),
    "link: an operation's masks": replaced(inside(f"mattes/{kit.OPERATION}"), link_to(lambda p: p.victim)),
    "link: small copies": replaced(inside(f"mattes/{kit.OPERATION}/small"), link_to(lambda p: p.victim)),
    "link: the written masks": replaced(inside("matte"), link_to(lambda p: p.victim)),
    "link: imported masks": replaced(inside("imported"), link_to(lambda p: p.victim)),
    "link: a mask": replaced(inside("matte/000001.png"), link_to(lambda p: p.victim / "thesis.txt")),
    "link: the journal": replaced(inside("rounds.jsonl"), link_to(lambda p: p.victim / "thesis.txt")),
    "link: upwards, a circle": replaced(inside("mattes"), link_to(lambda p: p.folder)),
    "link: a frame": replaced(lambda p: p.frames / "000002.png", link_to(lambda p: p.victim / "000001.png")),
    "link: the mark of unused frames": replaced(
        lambda p: p.frames.with_name(f"{FRAMES}1") / "unused",
        lambda path, p: (kit.rendered(path.parent), path.symlink_to(p.victim / "new.txt")),  # type: ignore[func-returns-value]
    ),
    "pipe: a mask": replaced(inside("matte/000001.png"), lambda path, p: os.mkfifo(path)),
    "pipe: the journal": replaced(inside("rounds.jsonl"), lambda path, p: os.mkfifo(path)),
    "pipe: a frame": replaced(lambda p: p.frames / "000002.png", lambda path, p: os.mkfifo(path)),
    "socket: the journal": replaced(inside("rounds.jsonl"), a_socket),
    "device: a mask": replaced(inside("matte/000001.png"), link_to(lambda p: Path("/dev/zero"))),
    "a stranger's file among them": replaced(inside("thesis.txt"), lambda path, p: path.write_text("my own")),
}
"""Nothing to report in these cases: foreign files stay where they are."""
CASES = {**NAMES, **RECORDS, **(LINKS if os.name == "posix" else {})}


@pytest.mark.parametrize("case", CASES)
def test_what_a_received_file_names_is_neither_read_nor_changed(
    blender: Any, tmp_path: Path, capfd: Any, case: str
) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: CASES[case](place, track, strip))
    if case.startswith("folder"):
        shutil.rmtree(place.folder)  # else that is used: see below
    if case.startswith("frames"):
        shutil.rmtree(place.frames)
    before = {"home": kit.contents(tmp_path / "home"), "other": kit.contents(place.other)}
    messages = kit.save_all_ways(blender, place)
    assert all(level == "WARNING" and text for level, text in messages), messages
    kit.check_untouched(tmp_path, before, place, capfd)
    found = {entry.name for entry in (tmp_path / "else").glob("second_cutout/*")}
    assert found <= {UUID, GOOD, FRAMES}, "a folder was made that no cutout has"


@pytest.mark.parametrize("case", QUIET if os.name == "posix" else {})
def test_what_is_not_ours_in_a_received_folder_is_neither_followed_nor_copied(
    blender: Any, tmp_path: Path, capfd: Any, case: str
) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    QUIET[case](place, None, None)
    before = {"home": kit.contents(tmp_path / "home"), "other": kit.contents(place.other)}
    own = kit.contents(place.folder)
    kit.save_all_ways(blender, place)
    kit.check_untouched(tmp_path, before, place, capfd)
    assert kit.contents(place.folder) == own
    copied = kit.contents(tmp_path / "else" / "second_cutout" / UUID)
    assert {name: entry for name, entry in own.items() if name in copied} == copied
    assert not [name for name in copied if name.startswith(("lock", "thesis"))]
