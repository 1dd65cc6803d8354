"""Tests what cannot work: each case gives one message with a remedy; strips, strokes and masks do not change."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
import bpy_kit as kit
from desk import Steps, dense
from stage import RENDER, START, Stage, package, strips_of

PLAIN = kit.Layout(START, RENDER)


def wrong(stage: Stage) -> Steps:
    """Files, strips, strokes, weights and an engine that are not as they should be."""
    stage.scene.cutout.active_index = 0
    stage.scene.frame_set(START + 9)
    yield 0.4
    yield from files(stage)
    yield from strokes(stage)
    yield from engine(stage)
    stage.desk.status.level = "INFO"
    yield from stage.desk.rest()


def refused(stage: Stage, name: str, part: str, before: tuple[Any, ...]) -> None:
    """A message in the panel with what to do; nothing has changed."""
    status = stage.desk.status
    ok = status.level == "ERROR" and part in stage.message() and bool(status.hint)
    stage.check(f"reported: {name}", ok, stage.message())
    stage.check(f"nothing changed: {name}", _state(stage) == before, _state(stage))


def files(stage: Stage) -> Steps:
    """Files that are not movies, and strips without pictures."""
    good = stage.film.read_bytes()
    cases = (
        ("empty.mp4", b"", "empty"),
        ("cut off.mp4", good[: len(good) // 3], ""),
        ("kein Film é.mp4", b"This is no film. " * 400, ""),
        ("gone.mp4", None, "missing"),
    )
    for name, content, part in cases:
        path = stage.scratch / name
        shutil.copyfile(stage.film, path)
        strip = strips_of(stage.scene).new_movie(name, str(path), 12, START + 200)
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        yield from _new(stage, strip, name, part)
    adjustment = {"length": 5} if bpy.app.version >= (5, 0, 0) else {"frame_end": START + 205}
    strip = strips_of(stage.scene).new_effect("adjustment", "ADJUSTMENT", 12, START + 200, **adjustment)
    yield from _new(stage, strip, "an adjustment layer", "meta strip")


def _new(stage: Stage, strip: Any, name: str, part: str) -> Steps:
    before = _state(stage)
    stage.scene.sequence_editor.active_strip = strip
    stage.desk.status.level = "INFO"
    with stage.desk.override("UI"), suppress(RuntimeError):  # what a button's user sees as a message
        bpy.ops.cutout.new("INVOKE_DEFAULT")
    yield from stage.desk.idle()
    refused(stage, name, part, before)
    stage.check(f"the strip is as it was: {name}", "cutout_strip" not in strip)
    if name == "empty.mp4":
        stage.shot("an empty movie")
    yield from stage.desk.rest()
    strips_of(stage.scene).remove(strip)
    stage.scene.sequence_editor.active_strip = stage.strip
    yield 0.3


def strokes(stage: Stage) -> Steps:
    """A stroke outside the picture, on another frame."""
    desk, scene = stage.desk, stage.scene
    automatic, scene.cutout.auto_apply = scene.cutout.auto_apply, False
    with desk.override():
        bpy.ops.wm.tool_set_by_id(name=package("scene.brush_tool").IDNAME)
    yield 0.4
    before = _state(stage)
    yield from desk.drag([stage.at(*p, PLAIN) for p in dense([(-30.0, 40.0), (-22.0, 70.0)])])
    refused(stage, "a stroke beside the picture", "outside", before)
    stage.shot("a stroke beside the picture")
    yield from desk.rest()
    x, y = kit.object_at(9)
    yield from desk.drag([stage.at(*p, PLAIN) for p in dense([(x + 9.0, y + 8.0), (x + 9.0, y + 30.0)])])
    scene.frame_set(START + 12)
    yield 0.4
    before = _state(stage)
    yield from desk.find_buttons()
    yield from stage.do("cutout.apply_strokes")
    refused(stage, "a stroke on another frame", str(START + 9), before)
    scene.frame_set(START + 9)
    with desk.override():
        if len(stage.track.strokes):
            bpy.ops.cutout.erase_strokes()
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
    scene.cutout.auto_apply = automatic
    yield 0.4


def engine(stage: Stage) -> Steps:
    """Weights that are damaged or missing; a Python that does not exist."""
    weights = Path(package("addon").__file__).parent / "models" / "weights"
    scribble = next(path for path in weights.glob("*.safetensors") if "scribble" in path.name)
    kept = stage.scratch / scribble.name
    shutil.copyfile(scribble, kept)
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 255
    for name, content, part in (("damaged weights", bytes(data), "damaged"), ("missing weights", None, "missing")):
        if content is None:
            scribble.unlink()
        else:
            scribble.write_bytes(content)
        yield from _auto(stage, name, part)
        shutil.copyfile(kept, scribble)
    chosen = bpy.context.preferences.addons[package("host.storage").PACKAGE].preferences
    chosen.engine_python = "/no/such/python"
    package("tasks.jobs").close()
    before = _state(stage)
    for _ in range(100):  # it is looked for between two looks at the panel
        missing = str(package("tasks.engine_setup").setup.facts.missing)
        if "does not exist" in missing:
            break
        yield 0.1
    yield 0.5
    stage.check("the panel shows: a Python that is not there", "does not exist" in missing, missing)
    stage.check("nothing changed: a Python that is not there", _state(stage) == before, _state(stage))
    stage.shot("a Python that is not there")
    chosen.engine_python = ""
    package("tasks.jobs").close()


def _auto(stage: Stage, name: str, part: str) -> Steps:
    package("tasks.jobs").close()
    before = _state(stage)
    stage.desk.status.level = "INFO"
    yield from stage.desk.press("cutout.auto")
    yield from stage.desk.idle()
    refused(stage, name, part, before)
    stage.shot(name)
    yield from stage.desk.rest()


def _state(stage: Stage) -> tuple[Any, ...]:
    """Returns what must not change."""
    data = stage.scene.cutout
    tracks = [(t.head, t.keyframe_count, t.done_count, t.applied, len(t.strokes)) for t in data.tracks]
    return (tuple(tracks), tuple(m.name for m in stage.strip.modifiers), stage.strip.mute)
