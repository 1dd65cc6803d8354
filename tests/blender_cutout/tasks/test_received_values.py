"""Tests received .blend files with nonsense for values: no panel, handler or saving fails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import received_kit as kit
from received_kit import UUID

pytestmark = pytest.mark.bpy


TEXTS = {
    "mattes": ["[[[[" * 50_000, "5", '{"a": 1}', '[[0, 1000000000000, "../../../home/victim"]]', '[["a", null, 3]]'],
    "locks": ["[" * 100_000, "3", "[[0, 1000000000000]]", '["a"]', "[[1e999, 2]]"],
    "drawn": ["null", '["a", {}]', "[1e400, -5]"],
    "confidence": ["xx", "²³", "9" * 1001],
    "written_as": ["nothing", "mask-nothing-more"],
    "written_head": ["\n"],
    "written_edge": ['{"grow": 1e400}'],
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
@pytest.mark.parametrize("name", ["uuid", "folder", "mattes", "frame_count", "strip_uuid", "strokes", "edge"])
def test_a_value_of_another_kind_is_reported_or_harmless(
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
    messages = kit.save_all_ways(blender, place)
    kit.check_untouched(tmp_path, before, place, capfd)
    assert name != "uuid" or all(level == "WARNING" for level, _ in messages)


@pytest.mark.parametrize("value", ["{}", "[[[", '{"first": "a", "count": 1e99, "mark": 3}', "[" * 100_000, 5, [1, 2]])
def test_a_mask_strip_that_remembers_nonsense_is_reported_and_stops_no_saving(
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
    kit.save_all_ways(blender, place)
    assert (tmp_path / "else" / "second_cutout" / UUID / "rounds.jsonl").is_file()
    troubles = upkeep.keeper.look(blender.context.scene)
    assert [text for text, _ in troubles if "has lost the record" in text]
    assert "Traceback" not in "".join(capfd.readouterr())
