"""Tests a scene's full copy and an appended scene: strokes there are their own, and the original keeps its masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import bpy_kit as kit
from desk import Steps, dense
from stage import GREEN, RENDER, START, Stage, apart, package, strips_of

PLAIN = kit.Layout(START, RENDER)
WHERE = 6
"""Clip frame that is drawn on in the copies."""


def copies(stage: Stage) -> Steps:
    """Both kinds of copies of a scene that has masks and written strips."""
    scene, desk = stage.scene, stage.desk
    yield from desk.idle()
    scene.cutout.auto_apply, scene.cutout.show_mask = True, True
    scene.frame_set(START + WHERE)
    yield from desk.find_buttons()
    if stage.track.done_count < stage.track.frame_count:
        yield from stage.do("cutout.auto")
        yield from stage.do("propagate(direction='BOTH')")
    yield from stage.do("cutout.write_strips")
    stage.says("the original's strips are written", "Wrote")
    original, strip = scene, stage.strip
    before = _files(scene.cutout.tracks[0])
    yield from _full_copy(stage)
    yield from _own(stage, original, before, "full copy")
    yield from _append(stage, original)
    # All scenes draw on one annotation: the very same stroke again would be the copy's, which is known.
    yield from _own(stage, original, _files(original.cutout.tracks[0]), "appended scene", aside=4.0)
    yield from _show(stage, original)
    seen = stage.look(PLAIN, WHERE)
    stage.shot("the original again")
    kept = apart(seen[1], GREEN) < 12 and apart(seen[0], GREEN) > 60
    stage.check("the original's composite is unchanged", kept, seen)
    for copy in [other for other in bpy.data.scenes if other != original]:
        bpy.data.scenes.remove(copy)
    yield 1.0
    stage.check("without the copies the original is there", strip == stage.strip and _files(stage.track) == before)


def _full_copy(stage: Stage) -> Steps:
    """Blender's Full Copy, from the selector in the header."""
    old = set(bpy.data.scenes)
    with stage.desk.override():
        if "new_sequencer_scene" in dir(bpy.ops.scene):  # `hasattr` is true of any name
            bpy.ops.scene.new_sequencer_scene(type="FULL_COPY")
        else:
            bpy.ops.scene.new(type="FULL_COPY")
    yield 0.3
    yield from _show(stage, (set(bpy.data.scenes) - old).pop())


def _append(stage: Stage, original: Any) -> Steps:
    """The scene from another file, by Blender's Append."""
    folder = stage.scratch / "copies é"
    folder.mkdir()
    name = original.name
    for scene in [other for other in bpy.data.scenes if other != original]:
        bpy.data.scenes.remove(scene)
    yield from _show(stage, original)
    for file in ("source.blend", "copies.blend"):
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / file))
        yield 1.0
    old = set(bpy.data.scenes)
    with stage.desk.override():
        bpy.ops.wm.append(directory=str(folder / "source.blend" / "Scene") + "/", filename=name)
    yield 0.3
    yield from _show(stage, (set(bpy.data.scenes) - old).pop())


def _own(stage: Stage, original: Any, before: list[bytes], what: str, aside: float = 0.0) -> Steps:
    """What is drawn and written in the copy is the copy's."""
    desk, first = stage.desk, original.cutout.tracks[0]
    track = stage.track
    stage.check(f"{what}: its cutout has a name of its own", track.uuid != first.uuid, track.uuid)
    stage.check(f"{what}: it has all masks", track.done_count == track.frame_count, track.done_count)
    folder = package("host.storage").track_folder(track)
    stage.check(f"{what}: and a folder of its own", folder != package("host.storage").track_folder(first), folder)
    stage.says(f"{what}: it is said", "masks of their own")
    seen = stage.look(PLAIN, WHERE)
    stage.shot(f"{what}")
    stage.check(f"{what}: the composite is there", apart(seen[1], GREEN) < 12 and apart(seen[0], GREEN) > 60, seen)
    yield from desk.find_buttons()
    yield from desk.press("cutout.show(mode='CLIP')")
    yield from desk.press("brush(label='remove')")
    applied = len(track.applied.split())
    for points in kit.strokes()["Cutout +"]:  # the frame shows the object elsewhere than the stroke's does
        yield from desk.drag([stage.at(x, y, PLAIN) for x, y in dense(_moved(points, aside))])
    for _ in range(300):
        if len(stage.track.applied.split()) > applied:
            break
        yield 0.1
    yield from desk.idle()
    stage.check(f"{what}: strokes are applied", len(stage.track.applied.split()) > applied, stage.message())
    yield from desk.rest()
    stage.shot(f"{what}, a stroke")
    mine, theirs = _files(stage.track), _files(original.cutout.tracks[0])
    stage.check(f"{what}: the copy's mask changed", mine[WHERE] != before[WHERE])
    stage.check(f"{what}: the original's masks did not", theirs == before)
    yield from desk.find_buttons()
    yield from stage.do("cutout.write_strips")
    stage.says(f"{what}: its strips are written", "Wrote")
    yield from desk.rest()
    yield 0.6
    stage.shot(f"{what}, written")
    mattes = _written(stage.scene)
    stage.check(f"{what}: with its own masks", bool(mattes) and not mattes & _written(original), mattes)


def _moved(points: list[tuple[float, float]], aside: float) -> list[tuple[float, float]]:
    (x0, y0), (x1, y1) = kit.object_at(kit.STROKE_FRAME), kit.object_at(WHERE)
    return [(x + x1 - x0 + aside, y + y1 - y0) for x, y in points]


def _show(stage: Stage, scene: Any) -> Steps:
    """Shows a scene in the window and its sequencer, and waits until it was looked at."""
    window = stage.desk.window
    window.scene = scene
    if hasattr(window.workspace, "sequencer_scene"):
        window.workspace.sequencer_scene = scene
    yield 1.5
    scene.frame_set(START + WHERE)
    yield from stage.desk.idle()
    yield 0.6


def _files(track: Any) -> list[bytes]:
    matte_file = package("tasks.jobs").matte_file
    found: list[Path | None] = [matte_file(track, frame) for frame in range(track.frame_count)]
    return [path.read_bytes() if path else b"" for path in found]


def _written(scene: Any) -> set[str]:
    """Folders of the written pictures."""
    clip = {"clip", "gone"}
    return {
        bpy.path.abspath(strip.directory)
        for strip in strips_of(scene)
        if strip.type == "IMAGE" and strip.name.split(".")[0] not in clip
    }
