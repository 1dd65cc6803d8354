"""Tests the Cutout Brush: its circle, strokes during and after painting, Ctrl, its size, undo."""

from __future__ import annotations

import bpy
import bpy_kit as kit
from desk import Point, Steps, dense
from stage import FRAME, RENDER, START, Stage, apart, package

PLAIN = kit.Layout(START, RENDER)
RADIUS = 4.0
WHERE = 8
"""Clip frame that is painted on; there is no mask yet."""


def brush(stage: Stage) -> Steps:
    """Keep and remove with the tool in the toolbar."""
    stage.scene.frame_set(START + WHERE)
    stage.scene.cutout.auto_apply = False
    stage.desk.area.spaces.active.show_region_toolbar = True
    yield 0.6
    yield from stage.desk.press("cutout.start_brush(detail=False)")
    with stage.desk.override():
        stage.check("the brush is taken up", package("scene.brush_tool").is_active(bpy.context))
    stage.desk.status.brush_radius = RADIUS
    yield from circle(stage)
    x, y = kit.object_at(WHERE)
    keep = [(x + 9.0, y + 8.0), (x + 9.0, y + 50.0), (x + 36.0, y + 51.0)]
    yield from paint(stage, keep, False)
    yield from paint(stage, [(x + 60.0, y + 5.0), (x + 60.0, y + 40.0), (x + 80.0, y + 40.0)], True)
    stage.check("two strokes are kept", [s.label for s in stage.track.strokes] == ["keep", "remove"])
    yield from stage.desk.rest()
    stage.shot("brush strokes that wait")
    yield from frames(stage, stage.at(*keep[1], PLAIN))
    yield from stage.do("cutout.apply_strokes")
    stage.says("brush strokes are applied", "2 strokes applied")
    yield from stage.desk.rest()
    stage.shot("brush strokes applied")
    yield from automatic(stage)
    stage.scene.cutout.auto_apply = True  # undo took that back too
    with stage.desk.override():
        bpy.ops.wm.tool_set_by_id(name="builtin.select_box")
    stage.desk.area.spaces.active.show_region_toolbar = False
    stage.scene.frame_set(FRAME)
    yield 0.5


def circle(stage: Stage) -> Steps:
    """The circle at the mouse is as large as the strokes will be, and the keys change it."""
    desk, status = stage.desk, stage.desk.status
    middle = stage.at(20.0, 20.0, PLAIN)
    zoom = (stage.at(120.0, 20.0, PLAIN)[0] - middle[0]) / 100
    desk.move(*stage.at(60.0, 60.0, PLAIN))
    yield 0.5
    bare = desk.pixel(middle[0] + RADIUS * zoom, middle[1])
    desk.move(middle[0] - 3, middle[1])
    yield 0.2
    desk.move(*middle)
    yield 0.6
    ring = [desk.pixel(middle[0] + RADIUS * zoom + off, middle[1]) for off in (-2, -1, 0, 1, 2)]
    brightest = max(ring, key=sum)
    stage.check("the brush's circle is seen", sum(brightest) - sum(bare) > 150, f"{bare} → {ring}")
    stage.shot("brush circle")
    yield from desk.key("bracketright", "bracketright")
    stage.check("] makes it larger", abs(status.brush_radius - RADIUS * 1.44) < 0.01, status.brush_radius)
    yield from desk.key("bracketleft", "bracketleft")
    stage.check("[ makes it smaller", abs(status.brush_radius - RADIUS) < 0.01, status.brush_radius)
    yield from desk.key("f")
    desk.move(middle[0] + 6 * zoom, middle[1])
    yield 0.4
    grown = status.brush_radius
    yield from desk.key("Escape")
    stage.check("F and the mouse change it", abs(grown - RADIUS - 6) < 1, grown)
    stage.check("Escape takes that back", abs(status.brush_radius - RADIUS) < 0.01, status.brush_radius)


def paint(stage: Stage, points: list[Point], remove: bool) -> Steps:
    """A stroke, checked while the mouse button is down."""
    middle, name = stage.at(*points[1], PLAIN), "remove" if remove else "keep"
    bare, seen = stage.desk.pixel(*middle), []

    def look() -> None:
        seen.append(stage.desk.pixel(*middle))
        stage.shot(f"painting {name}")

    yield from stage.desk.drag([stage.at(*p, PLAIN) for p in dense(points)], look, remove)
    channel = 0 if remove else 1
    gain = seen[0][channel] - bare[channel]
    others = [seen[0][c] - bare[c] for c in range(3) if c != channel]
    stage.check(
        f"a stroke is seen while it is painted: {name}", gain > 40 and gain > 2 * max(others), f"{bare} → {seen[0]}"
    )


def frames(stage: Stage, place: Point) -> Steps:
    """Strokes are seen on their own frame only."""
    here = stage.desk.pixel(*place)
    stage.scene.frame_set(START + WHERE + 1)
    yield 0.5
    elsewhere = stage.desk.pixel(*place)
    stage.scene.frame_set(START + WHERE)
    yield 0.5
    ok = here[1] > elsewhere[1] + 40 and apart(stage.desk.pixel(*place), here) < 8
    stage.check("strokes are seen on their own frame", ok, f"{here}, one frame on {elsewhere}")


def automatic(stage: Stage) -> Steps:
    """A stroke applies itself; Blender's undo takes back the round, then the stroke."""
    stage.scene.cutout.auto_apply = True
    x, y = kit.object_at(WHERE)
    head, count, before = stage.track.head, len(stage.track.strokes), len(stage.track.applied.split())
    yield from stage.desk.drag([stage.at(*p, PLAIN) for p in dense([(x + 5.0, y + 20.0), (x + 12.0, y + 20.0)])])
    yield from stage.desk.idle()
    after = stage.track.head
    applied = len(stage.track.applied.split())
    stage.check("a brush stroke is applied by itself", after != head and applied == before + 1, stage.message())
    for wanted in ((head, count + 1), (head, count)):
        with stage.desk.override():
            bpy.ops.ed.undo()
        yield from stage.desk.idle()
        found = (stage.track.head, len(stage.track.strokes))
        stage.check("undo takes the round, then the stroke", found == wanted, f"{found[1]} strokes")
