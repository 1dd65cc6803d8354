"""Tests the output: splines, RGBA pictures, Blender's render; and strips whose frames are rendered first."""

from __future__ import annotations

from typing import Any

import bpy
import bpy_kit as kit
from desk import Steps
from stage import GREEN, RENDER, START, Stage, apart, package, strips_of

PLAIN = kit.Layout(START, RENDER)
WHERE = 9
"""Clip frame that is checked."""
RED = kit.picture(WHERE)[kit.truth(WHERE) > 0.5][0]


def forms(stage: Stage) -> Steps:
    """The other forms of Write Strips; they follow the clip, or a message says why not."""
    scene, track = stage.scene, stage.track
    scene.frame_set(START + WHERE)
    yield from stage.desk.find_buttons()
    for form, words in (("splines", "frames of splines"), ("cutout", "pictures with alpha")):
        track.write_as = form
        yield 0.4
        news = len(stage.spent["engine's news"])
        yield from stage.do("cutout.write_strips")
        yield from stage.desk.rest()  # a button that was grey stays so under the mouse
        yield 0.6
        stage.says(f"written: {form}", words)
        longest = max(stage.spent["engine's news"][news:])
        stage.check(f"no step takes long: {form}", longest < 0.05, f"{1000 * longest:.0f} ms")
        composed(stage, form)
        yield from follow(stage, form)
    track.write_as = "mask"
    yield 0.4
    yield from stage.do("cutout.write_strips")
    yield from stage.desk.rest()
    yield 0.6
    stage.check("no splines and no RGBA strip is left", not len(bpy.data.masks) and not stage.strip.mute)
    composed(stage, "mask again")


def composed(stage: Stage, form: str) -> None:
    """The object stands before the strip below."""
    inside, outside = stage.look(PLAIN, WHERE)
    stage.shot(f"written as {form}")
    stage.check(f"the object stays: {form}", apart(inside, RED) < 60, f"{inside} for {tuple(map(int, RED))}")
    stage.check(f"the background is the strip below: {form}", apart(outside, GREEN) < 12, f"{outside} for {GREEN}")


def follow(stage: Stage, form: str) -> Steps:
    """The clip is moved away, and back."""
    scene, transform = stage.scene, stage.strip.transform
    transform.offset_x += 25
    yield 1.6
    if form == "cutout":
        inside, outside = stage.look(kit.Layout(START, RENDER, (25.0, 0.0)), WHERE)
        ok = apart(inside, RED) < 60 and apart(outside, GREEN) < 12
        stage.check("the RGBA strip went with its clip", ok, f"{inside}, {outside}")
    else:
        troubles = _upkeep().keeper.troubles
        stage.check("misfit splines are reported", any("moved or rotated" in text for text, _ in troubles), troubles)
    stage.shot(f"moved, written as {form}")
    transform.offset_x -= 25
    yield 1.6
    stage.check(f"and back: {form}", not _upkeep().keeper.troubles, _upkeep().keeper.troubles)
    scene.frame_set(START + WHERE)
    yield 0.4


def render(stage: Stage) -> Steps:
    """Blender's render of three frames, by the button."""
    scene, folder = stage.scene, stage.scratch / "rendered é"
    before = scene.frame_start, scene.frame_end, scene.render.filepath
    # Another window would lie over this one: there is no window manager here.
    bpy.context.preferences.view.render_display_type = "NONE"
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath, scene.frame_start, scene.frame_end = f"{folder}/", START + WHERE, START + WHERE + 2
    yield 0.4
    yield from stage.desk.find_buttons()
    yield from stage.desk.press("cutout.render()")
    for _ in range(300):
        yield 0.1
        if folder.is_dir() and len(list(folder.iterdir())) == 3 and not bpy.app.is_job_running("RENDER"):
            break
    stage.says("it is said where the render goes", str(folder))
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    wanted = [f"{START + WHERE + n:04d}.png" for n in range(3)]
    stage.check("three frames are rendered", names == wanted, names)
    picture = kit.load_picture(bpy, folder / wanted[0]) if names == wanted else None
    x, y = kit.object_at(WHERE)
    if picture is not None:
        left, top = (RENDER[0] - kit.WIDTH) // 2, (RENDER[1] - kit.HEIGHT) // 2
        seen = [
            tuple(round(255 * v) for v in picture[y + top + dy, x + left + dx][:3]) for dx, dy in ((14, 50), (60, 0))
        ]
        ok = apart(seen[0], RED) < 60 and apart(seen[1], GREEN) < 12
        stage.check("the render is the composite", ok, seen)
    scene.frame_start, scene.frame_end, scene.render.filepath = before


def frames(stage: Stage) -> Steps:
    """A meta strip: its frames are rendered by the button, then it is cut out."""
    scene, desk = stage.scene, stage.desk
    files = sorted(stage.clip.iterdir())
    first = START + 60
    inner = strips_of(scene).new_image("inner", str(files[0]), 6, first)
    for file in files[1:]:
        inner.elements.append(file.name)
    for strip in strips_of(scene):
        strip.select = strip == inner
    scene.sequence_editor.active_strip = inner
    with desk.override("WINDOW"):
        bpy.ops.sequencer.meta_make()
    meta = next(s for s in strips_of(scene) if s.type == "META")
    scene.sequence_editor.active_strip = meta
    before, end = len(scene.cutout.tracks), scene.frame_end
    scene.frame_end = first + len(files)
    scene.frame_set(first + 4)
    yield 0.6
    with desk.override("UI"):  # the list's small button is hard to hit
        bpy.ops.cutout.new()
    yield from desk.idle()
    stage.check("a meta strip is taken", len(scene.cutout.tracks) == before + 1, stage.message())
    yield from desk.rest()
    stage.shot("a meta strip before its frames are rendered")
    yield from desk.find_buttons()
    yield from desk.press("cutout.render_frames")
    stage.gaps.clear()
    shot = False
    for _ in range(1200):
        yield 0.1
        if not shot and desk.status.frames_share > 0.3:
            stage.shot("rendering frames")
            shot = True
        if not desk.status.frames_busy:
            break
    longest = max([0.0, *stage.gaps])
    yield from desk.idle()
    stage.says("frames are rendered", "frames rendered")
    stage.check("the window answers while frames are rendered", longest < 2.0, f"longest pause {longest:.2f} s")
    stage.check("every frame is there", stage.track.frame_count == len(files), stage.track.frame_count)
    yield from desk.find_buttons()
    yield from stage.do("cutout.auto")
    stage.check("a rendered strip is cut out", stage.track.keyframe_count == 1, stage.message())
    yield from desk.rest()
    stage.shot("cut out of a meta strip")
    with desk.override("UI"):
        bpy.ops.cutout.remove()
    strips_of(scene).remove(meta)
    scene.cutout.active_index, scene.frame_end = 0, end
    scene.sequence_editor.active_strip = stage.strip
    scene.frame_set(START + WHERE)
    yield 0.5
    yield from desk.find_buttons()


def _upkeep() -> Any:
    return package("tasks.upkeep")
