"""Helpers for tests of rendered frames: strips of all kinds, the way from New Cutout to the composite, pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np

Project = Callable[..., tuple[Any, Any]]
FRAME = 1 + kit.STROKE_FRAME


def effect(scene: Any, name: str, kind: str, channel: int, start: int, length: int, first: Any = None) -> Any:
    """Returns a new effect strip."""
    from blender_cutout.host import compat

    strips = compat.strips(scene.sequence_editor)
    known = {p.identifier for p in strips.bl_rna.functions["new_effect"].parameters}
    given: dict[str, Any] = {"length": length} if "length" in known else {"frame_end": start + length}
    if first is not None:
        given["input1" if "input1" in known else "seq1"] = first
    return strips.new_effect(name, kind, channel, start, **given)


def in_timeline(bpy: Any) -> Any:
    """Returns a context in which the sequencer's operators run."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER"
    region = next(r for r in area.regions if r.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def into_meta(bpy: Any, scene: Any, strip: Any, name: str = "meta") -> Any:
    """Puts the strip into a new meta strip, as an artist does; selects the meta strip."""
    from blender_cutout.host import strips

    for place in strips.places(scene.sequence_editor):
        place.strip.select = place.strip == strip
    scene.sequence_editor.active_strip = strip
    with in_timeline(bpy):
        bpy.ops.sequencer.meta_make()
    meta = scene.sequence_editor.active_strip
    assert meta.type == "META"
    meta.name = name
    return meta


def retime(bpy: Any, strip: Any, percent: float) -> None:
    """Gives the strip another speed, as the artist does."""
    for other in (
        strip.id_data.sequence_editor.strips_all if hasattr(strip.id_data.sequence_editor, "strips_all") else ()
    ):
        other.select = other == strip
    strip.select = True
    with in_timeline(bpy):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=percent)


def draw(bpy: Any, scene: Any, frame: int, shown: int, mirrored: bool = False) -> None:
    """Draws over the object on a rendered frame of the newest cutout, which shows the clip's frame `shown`."""
    from blender_cutout.core.messages import ApplyRound, Done
    from blender_cutout.tasks import jobs

    track = scene.cutout.tracks[-1]
    (x0, y0), (x1, y1) = kit.object_at(kit.STROKE_FRAME), kit.object_at(shown)
    records = []
    for layer, lines in kit.strokes().items():
        for line in lines:
            points = [[x + x1 - x0, y + y1 - y0] for x, y in line]
            points = [[kit.WIDTH - x if mirrored else x, y] for x, y in points]
            records.append({"label": "keep" if layer == "Cutout +" else "remove", "radius": 3.0, "points": points})
    uuid = track.uuid
    job = jobs.submit(scene, track, "Drawing", lambda wire: ApplyRound(wire, uuid, frame, tuple(records)))
    assert isinstance(jobs.wait(job, 60), Done)


def begin(bpy: Any, scene: Any) -> Any:
    """Runs New Cutout and renders the frames; returns the cutout."""
    assert bpy.ops.cutout.new() == {"FINISHED"}
    status = bpy.context.window_manager.cutout
    assert "MB" in status.text, status.text
    assert not scene.cutout.tracks[-1].frame_count
    assert bpy.ops.cutout.render_frames() == {"FINISHED"}
    return scene.cutout.tracks[-1]


def carry_on(bpy: Any) -> None:
    """Goes from the first mask to written strips."""
    for step in ("propagate", "write_strips"):
        assert getattr(bpy.ops.cutout, step)() == {"FINISHED"}, bpy.context.window_manager.cutout.text


def cut_out(bpy: Any, scene: Any) -> Any:
    """Goes from New Cutout to written strips, with the file's strokes; returns the cutout."""
    track = begin(bpy, scene)
    assert bpy.ops.cutout.apply_strokes() == {"FINISHED"}
    carry_on(bpy)
    return track


def check(bpy: Any, scene: Any, folder: Path, shown: dict[int, int], layout: kit.Layout = kit.LAYOUTS["plain"]) -> None:
    """Asserts that renders of timeline frames are the exact composites of these clip frames."""
    for timeline, clip in shown.items():
        render = kit.render_frame(bpy, scene, timeline, folder)
        wanted, alpha = kit.composite(layout, kit.picture(clip), kit.truth(clip))
        assert alpha.max() > 0.9
        assert np.abs(render - wanted).mean() < 2 / 255, (timeline, clip)
        assert (np.abs(render - wanted).max(axis=-1) > 0.4).mean() < 0.006, (timeline, clip)
