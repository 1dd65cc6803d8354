"""Tests doubt, locks, stability, importing masks and exporting films, all by their buttons."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import bpy
import bpy_kit as kit
import numpy as np
from desk import Steps
from stage import FRAME, START, Stage, apart, package

LOCKED = 9
"""Clip frame that is locked alone; the range between those below follows."""
RANGE = (19, 23)
DRAWN = 27
"""Clip frame on which there is nothing yet."""
IMPORTED = (30, 31, 32)
BELOW = {"propagation": 79, "review": 105, "edge": 131, "files": 183, "queue": 209}
"""How far below the panel Output's button Colour the headers of the others lie, in pixels."""


def care(stage: Stage) -> Steps:
    """Everything below, on a clip that has masks."""
    scene, track = stage.scene, stage.track
    scene.cutout.active_index = 0
    for modifier in stage.strip.modifiers:
        modifier.mute = True
    yield from stage.desk.find_buttons()
    if track.done_count < track.frame_count:
        scene.frame_set(FRAME)
        yield from stage.do("cutout.auto")
        yield from stage.do("propagate(direction='BOTH')")
    yield from doubt(stage)
    yield from locks(stage)
    yield from propagation(stage)
    yield from files(stage)


def doubt(stage: Stage) -> Steps:
    """Go to Worst Frame."""
    text = stage.track.confidence
    cells = {n: int(text[2 * n : 2 * n + 2]) for n in range(len(text) // 2) if text[2 * n] != "-"}
    stage.scene.frame_set(START + 1)
    yield from stage.desk.find_buttons()
    yield from stage.do("cutout.worst_frame")
    found = stage.scene.frame_current - START
    stage.check("the worst frame is gone to", cells[found] == min(cells.values()), stage.message())
    stage.says("it is said how sure the network is", f"{min(cells.values())}% sure")


def locks(stage: Stage) -> Steps:
    """Lock Frame and Lock Range in their panel, and their marks in the timeline."""
    scene, track = stage.scene, stage.track
    yield from open_review(stage)
    scene.frame_set(START + LOCKED)
    yield from stage.do("span='FRAME', lock=True")
    stage.check("a frame is locked", track.locked_frames == str(START + LOCKED), stage.message())
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = START + RANGE[0], START + RANGE[1]
    yield from stage.do("span='RANGE', lock=True")
    yield from stage.desk.rest()
    stage.shot("the panel Review")
    yield from close_review(stage)
    yield from stage.do("cutout.auto")
    stage.says("a locked mask is not changed", "is locked")
    both = f"{START + LOCKED}, {START + RANGE[0]} to {START + RANGE[1]}"
    stage.check("a range is locked", track.locked_frames == both, track.locked_frames)
    scene.use_preview_range = False
    yield from stage.desk.rest()
    seen = [_lane(stage, frame) for frame in (RANGE[0] + 2, RANGE[1] + 2)]
    stage.shot("marks in the timeline")
    scene.cutout.show_marks = False
    yield 0.5
    bare = [_lane(stage, frame) for frame in (RANGE[0] + 2, RANGE[1] + 2)]
    scene.cutout.show_marks = True
    yield 0.5
    white = [any(min(pixel) > 200 for pixel in column) for column in seen]
    stage.check("locked frames have a white line", white == [True, False], seen)
    changed = [any(apart(a, b) > 40 for a, b in zip(*columns, strict=True)) for columns in zip(seen, bare, strict=True)]
    stage.check("frames with a mask have a bar", changed == [True, True], bare)


def propagation(stage: Stage) -> Steps:
    """Stability and Stop When in Doubt, set in their panel."""
    desk, scene, track = stage.desk, stage.scene, stage.track
    yield from open_panel(stage, "propagation")
    yield from desk.scroll(6)
    yield from tiers(stage)
    before = _masks(stage)
    yield from enter(stage, "stability", 0.4)
    stage.check("the stability is set", abs(scene.cutout.stability - 0.4) < 1e-4, scene.cutout.stability)
    yield from desk.scroll(-20)
    yield from desk.find_buttons()
    yield from stage.do("propagate(direction='BOTH')")
    after = _masks(stage)
    other = {frame for frame in before if before[frame] != after[frame]}
    locked = {LOCKED, *range(RANGE[0], RANGE[1] + 1)}
    stage.check("with another stability masks change", len(other) > 3, sorted(other))
    stage.check("locked ones stay to the bit", not other & locked and track.done_count == track.frame_count)
    yield from desk.scroll(6)
    yield from _click(stage, "stop_in_doubt")
    yield from enter(stage, "doubt_below", 0.99)
    set_to = scene.cutout.stop_in_doubt, scene.cutout.doubt_below
    stage.check("it is set to stop in doubt", set_to[0] and set_to[1] > 0.95, set_to)
    yield from desk.rest()
    stage.shot("settings of propagation")
    scene.frame_set(START + DRAWN)
    yield from desk.scroll(-20)
    yield from desk.find_buttons()
    yield from stage.do("cutout.auto")
    yield from stage.do("propagate(direction='BOTH')")
    stage.check("it stops in doubt and says so", stage.desk.status.level == "WARNING", stage.message())
    scene.cutout.stop_in_doubt, scene.cutout.doubt_below, scene.cutout.stability = False, 0.84, 1.0
    yield from desk.scroll(6)
    yield from close_panel(stage, "tier")
    yield from desk.scroll(-20)
    yield from open_review(stage)
    for span in ("FRAME", "RANGE"):
        scene.frame_set(START + LOCKED)
        scene.use_preview_range = True
        yield from stage.do(f"span='{span}', lock=False")
    yield from close_review(stage)
    scene.use_preview_range = False
    stage.check("all are unlocked", not track.locked_frames, f"{track.locked_frames} {stage.message()}")


def tiers(stage: Stage) -> Steps:
    """Faster and Finer, at the top of the panel Propagation."""
    status, ladder, choice = (
        stage.desk.status,
        list(package("core.tiers.table").TIERS),
        package("tasks.tier_choice"),
    )
    first, masks = status.tier, _masks(stage)
    faster = ladder[ladder.index(first) - 1]
    yield from stage.desk.find_buttons()
    yield from stage.do("step_tier(finer=False)")
    stage.check(
        "the panel names the faster tier",
        choice.choice_text(choice.shown()) == faster.capitalize(),
        choice.choice_text(choice.shown()),
    )
    yield from _engine_has(stage, faster)
    stage.check("the engine has it", status.tier == faster, f"{first} → {status.tier}")
    yield from stage.desk.rest()
    stage.shot("a faster tier")
    yield from stage.do("step_tier(finer=True)")
    yield from _engine_has(stage, first)
    stage.check("Finer goes back", status.tier == first, stage.message())
    stage.check("no mask is lost by that", _masks(stage) == masks)


def _engine_has(stage: Stage, tier: str) -> Steps:
    """Waits until the engine says that it works with this tier."""
    end = time.monotonic() + 100
    while stage.desk.status.tier != tier and time.monotonic() < end:
        yield 0.1


def files(stage: Stage) -> Steps:
    """Export Film and Import Matte, through Blender's file browser."""
    desk, scene, track = stage.desk, stage.scene, stage.track
    # Another window would lie over this one: there is no window manager here.
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    yield from open_panel(stage, "files")
    yield from desk.scroll(6)
    yield from desk.find_buttons()
    film = stage.scratch / "film für andere"
    yield from desk.press("cutout.export_film")
    yield from _choose(stage, film, kind="PNG")
    stage.says("a film is exported", f"{track.frame_count} frames")
    written = sorted(film.iterdir()) if film.is_dir() else []
    stage.check("every frame is a picture", len(written) == track.frame_count, [path.name for path in written[:3]])
    if written:
        alpha = _alpha(written[LOCKED]) > 0.5
        truth = kit.truth(LOCKED) > 0.5
        iou = float((alpha & truth).sum() / (alpha | truth).sum())
        stage.check("its alpha is the object", iou > 0.9, f"IoU {iou:.3f}")
    masks = stage.scratch / "Masken é"
    masks.mkdir()
    for number in range(len(IMPORTED)):
        kit.write_png(masks / f"mask {number:03d}.png", (255 * kit.truth(2 * number)).astype(np.uint8))
    scene.frame_set(START + IMPORTED[0])
    count = track.keyframe_count
    yield from desk.find_buttons()
    yield from desk.press("cutout.import_mattes")
    yield from _choose(stage, masks / "mask 000.png", folder=True, first="HERE")
    stage.says("masks are imported", f"{len(IMPORTED)} masks imported")
    stage.check("they are keyframes", track.keyframe_count == count + len(IMPORTED), track.keyframes)
    png = package("formats.png")
    same = [
        np.array_equal(png.read_grey(_file(stage, frame)), 255 * kit.truth(2 * n).astype(np.uint8))
        for n, frame in enumerate(IMPORTED)
    ]
    stage.check("they are taken as they are", all(same), same)
    yield from desk.rest()
    stage.shot("masks imported")
    yield from close_panel(stage, "cutout.import_mattes")
    yield from desk.scroll(-20)
    yield from desk.find_buttons()
    yield from stage.do("cutout.undo_round")
    stage.check("one undo takes them back", track.keyframe_count == count, stage.message())


def _choose(stage: Stage, path: Path, **settings: Any) -> Steps:
    """Sets a file and the operator's settings in the file browser, presses Return, and waits for the engine."""
    for _ in range(60):
        yield 0.1
        found = [area for area in stage.desk.window.screen.areas if area.type == "FILE_BROWSER"]
        if found and found[0].spaces.active.params is not None:
            break
    space = found[0].spaces.active
    space.params.directory, space.params.filename = os.fsencode(f"{path.parent}/"), path.name
    for name, value in settings.items():
        setattr(space.active_operator, name, value)
    found[0].tag_redraw()
    yield 1.0
    stage.shot(f"file browser {path.suffix or 'folder'}")
    x, y = found[0].x + found[0].width // 2, stage.desk.window.height - found[0].y - found[0].height // 2
    stage.desk.move(x - 3, y)
    yield 0.3
    stage.desk.move(x, y)
    yield 0.3
    yield from stage.desk.key("Return")
    yield 1.0
    yield from stage.desk.idle()


def open_panel(stage: Stage, name: str) -> Steps:
    """Opens a panel by its header, while it and the other one are closed."""
    panel, drawn = getattr(package(f"ui.panel_{name}"), f"CUTOUT_PT_{name}"), []
    draw = panel.draw
    panel.draw = lambda itself, context: (drawn.append(1), draw(itself, context))[1]
    yield from stage.desk.scroll(6)  # the headers are below everything else
    yield from stage.desk.find_buttons()
    found = [places[0] for command, places in stage.desk.buttons.items() if "kind='COLOR'" in command]
    if not found:
        raise LookupError(f"The panel Output is not there, only {sorted(stage.desk.buttons)}.")
    below = found[0]
    x = stage.desk.rectangle("UI")[0] + 70
    try:
        for off in (4, -2, 10):
            place = (x, below[1] + BELOW[name] + off)
            yield from stage.desk.click(*place)
            yield 0.5
            if drawn:
                return
    finally:
        panel.draw = draw
    raise LookupError(f"The panel {name} does not open.")


def open_review(stage: Stage) -> Steps:
    """Opens the panel Review and scrolls to it."""
    yield from open_panel(stage, "review")
    yield from stage.desk.scroll(6)
    yield from stage.desk.find_buttons()


def close_review(stage: Stage) -> Steps:
    """Closes the panel Review and scrolls back."""
    yield from close_panel(stage, "go_to_frame")
    yield from stage.desk.scroll(-20)
    yield from stage.desk.find_buttons()


def close_panel(stage: Stage, first: str) -> Steps:
    """Closes a panel by its header, found above its first button; `part` is of that button's command."""
    desk = stage.desk
    yield from desk.find_buttons()
    top = min(y for command, places in desk.buttons.items() if first in command for _, y in places)
    yield from desk.click(desk.rectangle("UI")[0] + 70, top - 25)
    yield from desk.find_buttons()


def _field(stage: Stage, name: str) -> Generator[float, None, tuple[float, float]]:
    """Returns where a setting of the scene's cutout is in the sidebar: (left, y)."""
    x, y, width, height = stage.desk.rectangle("UI")
    manager = bpy.context.window_manager
    for down in range(y + 4, y + height, 9):
        stage.desk.move(x + width * 0.5, down)
        yield 0.06
        manager.clipboard = ""
        with stage.desk.override("UI"):
            if bpy.ops.ui.copy_data_path_button.poll():
                bpy.ops.ui.copy_data_path_button()
        if manager.clipboard.endswith(f".{name}"):
            return x, down + 4.0
    raise LookupError(f"There is no setting {name} in the sidebar.")


def _click(stage: Stage, name: str) -> Steps:
    x, y = yield from _field(stage, name)
    yield from stage.desk.click(x + 40, y)


def enter(stage: Stage, name: str, value: float) -> Steps:
    """Types a number into a slider."""
    x, y = yield from _field(stage, name)
    yield from stage.desk.click(x + 200, y)
    yield from stage.desk.key("ctrl+a", *("period" if sign == "." else sign for sign in str(value)), "Return")
    yield 0.4


def _lane(stage: Stage, frame: int) -> list[tuple[int, ...]]:
    """The colours from the bottom of the clip's strip upwards, at a clip frame's middle."""
    region = stage.desk.region("WINDOW")
    x0, y0 = region.view2d.view_to_region(START + frame, stage.strip.channel, clip=False)
    x1, _ = region.view2d.view_to_region(START + frame + 1, stage.strip.channel, clip=False)
    x, y = region.x + (x0 + x1) // 2, stage.desk.window.height - 1 - (region.y + y0)
    return [stage.desk.pixel(x, y - up) for up in range(2, 13)]


def _alpha(path: Path) -> np.ndarray:
    """A picture's alpha channel, (H, W) in [0, 1], rows from the top."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    alpha = np.array(image.pixels[:]).reshape(height, width, 4)[::-1, :, 3]
    bpy.data.images.remove(image)
    return alpha


def _file(stage: Stage, frame: int) -> Path:
    return Path(package("tasks.jobs").matte_file(stage.track, frame))


def _masks(stage: Stage) -> dict[int, bytes]:
    return {frame: _file(stage, frame).read_bytes() for frame in range(stage.track.frame_count)}
