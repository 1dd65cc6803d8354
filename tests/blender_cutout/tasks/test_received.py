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


def save_all_ways(bpy: Any, place: Place) -> list[tuple[str, str]]:
    """Opens the received file, saves it, as a copy and under another name; returns (level, text) after each."""
    status, told = bpy.context.window_manager.cutout, []
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
        told.append((status.level, status.text))
    return told


def check_untouched(tmp_path: Path, before: dict[str, Any], place: Place, capfd: Any) -> None:
    """Asserts that nearby files are unchanged and were not copied, and that no handler failed."""
    assert "Traceback" not in "".join(capfd.readouterr())
    assert kit.contents(tmp_path / "home") == before["home"]
    assert kit.contents(place.other) == before["other"]
    assert all(path.lstat().st_nlink == 1 for path in place.victim.rglob("*") if path.is_file())
    for folder in (tmp_path / "else", place.folder.parent, place.blend.parent / "copy_cutout"):
        assert not kit.private_copies(folder), f"private files were copied into {folder}"
    if place.folder.parent.is_symlink():
        return
    good = place.blend.parent.parent / "else" / "second_cutout" / GOOD
    assert (good / "rounds.jsonl").read_bytes() == b"mask", "the other cutout was not copied"


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
    told = save_all_ways(blender, place)
    assert all(level == "WARNING" and text for level, text in told), told
    check_untouched(tmp_path, before, place, capfd)
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
    save_all_ways(blender, place)
    check_untouched(tmp_path, before, place, capfd)
    assert kit.contents(place.folder) == own
    copied = kit.contents(tmp_path / "else" / "second_cutout" / UUID)
    assert {name: entry for name, entry in own.items() if name in copied} == copied
    assert not [name for name in copied if name.startswith(("lock", "thesis"))]


TEXTS = {
    "mattes": ["[[[[" * 50_000, "5", '{"a": 1}', '[[0, 1000000000000, "../../../home/victim"]]', '[["a", null, 3]]'],
    "locks": ["[" * 100_000, "3", "[[0, 1000000000000]]", '["a"]', "[[1e999, 2]]"],
    "drawn": ["null", '["a", {}]', "[1e400, -5]"],
    "confidence": ["xx", "²³", "9" * 1001],
    "written_as": ["nothing", "mask-nothing-more"],
    "written_head": ["\n"],
    "applied": ["\x01 " * 1000],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in TEXTS.items() for value in values])
def test_what_a_received_file_says_of_a_cutout_fails_no_panel_and_no_saving(
    blender: Any, tmp_path: Path, capfd: Any, name: str, value: str
) -> None:
    from blender_cutout.scene import doubt, track_lookup, written
    from blender_cutout.tasks import jobs
    from blender_cutout.ui import mask_layers, timeline_overlay

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: setattr(track, name, value))
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    scene = blender.context.scene
    track, strip = scene.cutout.tracks[0], scene.sequence_editor.active_strip
    del strip["cutout_frames"]
    assert blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "post" / "second.blend")) == {"FINISHED"}
    for marks in list(timeline_overlay.marked(scene)):
        assert all(0 <= start < stop <= 1000 for start, stop in (*marks[3].done, *marks[3].locked))
    mask_layers.find_layers(scene)
    doubt.judge(scene, track)
    track_lookup.check_free(track, 11, 11) if name != "locks" else None
    written.is_shown(strip, track)
    file = jobs.matte_file(track, 0)
    assert file is None or file.is_relative_to(tmp_path / "post")
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("value", [5, [1, 2], {"a": [{"b": "c"}]}], ids=str)
@pytest.mark.parametrize("name", ["uuid", "folder", "mattes", "frame_count", "strip_uuid", "strokes"])
def test_a_value_of_another_kind_is_told_or_harmless(
    blender: Any, tmp_path: Path, capfd: Any, name: str, value: Any
) -> None:
    place = kit.lay_out(tmp_path)

    def tamper(track: Any, strip: Any) -> None:
        raw = getattr(track, "bl_system_properties_get", None)  # from 5.0 on apart from custom properties
        values = raw() if raw else track
        if name in values:
            del values[name]
        values[name] = value

    kit.write_blend(blender, place, tamper)
    before = {"home": kit.contents(tmp_path / "home"), "other": kit.contents(place.other)}
    told = save_all_ways(blender, place)
    check_untouched(tmp_path, before, place, capfd)
    assert name != "uuid" or all(level == "WARNING" for level, _ in told)


@pytest.mark.parametrize("value", ["{}", "[[[", '{"first": "a", "count": 1e99, "mark": 3}', "[" * 100_000, 5, [1, 2]])
def test_a_mask_strip_that_remembers_nonsense_is_told_and_stops_no_saving(
    blender: Any, tmp_path: Path, capfd: Any, value: Any
) -> None:
    from blender_cutout.host import compat, strips
    from blender_cutout.tasks import upkeep

    place = kit.lay_out(tmp_path)

    def tamper(track: Any, strip: Any) -> None:
        add, picture = (
            compat.strips(strip.id_data.sequence_editor).new_image,
            str(place.folder / "matte" / "000001.png"),
        )
        mask = add("mask", picture, 5, 1)
        mask["cutout_laid"] = value
        modifier = strip.modifiers.new("Cutout", "MASK")
        modifier.input_mask_type, modifier.input_mask_strip = "STRIP", mask
        cut = add("cut", picture, 6, 1)
        cut["cutout_pictures"], cut["cutout_pictures_laid"], strip["cutout_muted"] = UUID, value, UUID
        assert strip[strips.STRIP_KEY]

    kit.write_blend(blender, place, tamper)
    save_all_ways(blender, place)
    assert (tmp_path / "else" / "second_cutout" / UUID / "rounds.jsonl").is_file()
    troubles = upkeep.keeper.look(blender.context.scene)
    assert [text for text, _ in troubles if "has lost the record" in text]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_folder_in_the_way_that_is_not_ours_is_not_replaced(blender: Any, tmp_path: Path, capfd: Any) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    for name in (UUID, FRAMES):
        (tmp_path / "else" / "second_cutout" / name).mkdir(parents=True)
        (tmp_path / "else" / "second_cutout" / name / "thesis.txt").write_text("my own")
    before = kit.contents(tmp_path / "else")
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "else" / "second.blend"))
    after = kit.contents(tmp_path / "else")
    assert {name: entry for name, entry in after.items() if GOOD not in name and "blend" not in name} == before
    assert (tmp_path / "else" / "second_cutout" / GOOD / "rounds.jsonl").is_file()
    status = blender.context.window_manager.cutout
    assert "thesis.txt" in status.text
    assert "1 more" in status.text


def test_folders_of_files_never_saved_are_cleaned_without_following_links(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage
    from blender_cutout.tasks import project_folders

    place = kit.lay_out(tmp_path)
    unsaved = storage.user_folder("unsaved")
    mine = kit.session(unsaved / OTHER)
    notes = kit.session(unsaved / GOOD)
    (notes / "notes.txt").write_text("not yours")
    if os.name == "posix":
        (unsaved / UUID).symlink_to(place.victim.with_name(UUID))
    before = kit.contents(tmp_path)
    assert project_folders.clean_unsaved(days=-1) == [mine]
    assert (notes / "notes.txt").is_file()
    assert kit.contents(tmp_path) == before


@pytest.mark.parametrize("blend", ["shot 2.blend", "shot.blend1"])
def test_a_project_that_was_moved_or_renamed_is_found(blender: Any, tmp_path: Path, blend: str) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    moved = tmp_path / "elsewhere é"
    place.blend.parent.rename(moved)
    (moved / "shot.blend").rename(moved / blend)
    blender.ops.wm.open_mainfile(filepath=str(moved / blend))
    track = blender.context.scene.cutout.tracks[0]
    assert storage.track_folder(track) == moved / "shot_cutout" / UUID
    blender.ops.wm.save_as_mainfile(filepath=str(moved / "shot 3.blend"))
    assert storage.track_folder(track) == moved / "shot 3_cutout" / UUID
    assert (moved / "shot 3_cutout" / UUID / "mattes" / kit.OPERATION / "000001.png").read_bytes() == b"mask"


def test_a_file_copied_by_hand_tells_whose_masks_it_uses(blender: Any, tmp_path: Path) -> None:
    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    shutil.copy(place.blend, place.blend.with_name("again.blend"))
    blender.ops.wm.open_mainfile(filepath=str(place.blend.with_name("again.blend")))
    status = blender.context.window_manager.cutout
    assert "shot.blend" in status.text
    assert "Save this file" in status.hint
    blender.ops.wm.save_mainfile()
    assert blender.context.scene.cutout.tracks[0].folder == f"//again_cutout/{UUID}"
    blender.ops.wm.open_mainfile(filepath=str(place.blend.with_name("again.blend")))
    assert not blender.context.window_manager.cutout.text


def test_a_folder_that_was_left_behind_is_found_when_it_is_put_beside_the_file(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: setattr(track, "folder", f"/nowhere/shot_cutout/{UUID}"))
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    track, status = blender.context.scene.cutout.tracks[0], blender.context.window_manager.cutout
    assert storage.track_folder(track) == place.folder
    assert "/nowhere" in status.text
    assert "shot_cutout is used" in status.hint
    blender.ops.wm.save_mainfile()
    assert track.folder == f"//shot_cutout/{UUID}"


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_where_a_link_is_in_the_way_the_file_goes_on_with_the_folder_it_had(blender: Any, tmp_path: Path) -> None:
    from blender_cutout.host import storage

    place = kit.lay_out(tmp_path)
    kit.write_blend(blender, place, lambda track, strip: None)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "second_cutout").symlink_to(place.victim)
    before = kit.contents(place.victim)
    blender.ops.wm.open_mainfile(filepath=str(place.blend))
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "else" / "second.blend"))
    assert kit.contents(place.victim) == before
    track, status = blender.context.scene.cutout.tracks[0], blender.context.window_manager.cutout
    assert storage.track_folder(track) == place.folder
    assert "inside a link" in status.text
    (tmp_path / "else" / "second_cutout").unlink()
    blender.ops.wm.save_mainfile()
    assert storage.track_folder(track) == tmp_path / "else" / "second_cutout" / UUID
    assert not storage.stays
