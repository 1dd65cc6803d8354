"""Tests the first steps: the empty panel, mistakes, strokes on the annotation layers, and the mask views."""

from __future__ import annotations

import bpy
import bpy_kit as kit
from desk import Steps, dense
from stage import FRAME, RENDER, START, Stage, annotation, apart, strips_of


def open(stage: Stage) -> Steps:
    """A sequencer with preview and the tab Cutout; the clip over a green strip."""
    scene, desk = stage.scene, stage.desk
    scene.render.resolution_x, scene.render.resolution_y = RENDER
    scene.view_settings.view_transform = "Standard"
    yield from desk.one_sequencer(scene)
    length = len(list(stage.clip.iterdir()))
    scene.frame_end = length
    editor = scene.sequence_editor or scene.sequence_editor_create()
    span = {"length": length} if bpy.app.version >= (5, 0, 0) else {"frame_end": START + length}
    strips_of(scene).new_effect("green", "COLOR", 1, START, **span).color = kit.GREEN
    editor.active_strip = None
    yield from desk.show_tab("Cutout")
    yield from desk.find_buttons()
    stage.shot("empty")


def mistakes(stage: Stage) -> Steps:
    """What cannot work gives a message with a remedy."""
    yield from stage.do("cutout.new")
    stage.says("without a strip", "No strip is selected")
    gone = stage.scratch / "gone.png"
    kit.write_png(gone, kit.picture(0))
    strip = strips_of(stage.scene).new_image("gone", str(gone), 3, START)
    stage.scene.sequence_editor.active_strip = strip
    gone.unlink()
    yield from stage.do("cutout.new")
    stage.says("a picture is missing", "is missing")
    strips_of(stage.scene).remove(strip)
    files = sorted(stage.clip.iterdir())
    strip = strips_of(stage.scene).new_image("clip", str(files[0]), 2, START)
    for file in files[1:]:
        strip.elements.append(file.name)
    stage.scene.sequence_editor.active_strip = strip
    stage.scene.frame_set(FRAME)
    with stage.desk.override():
        bpy.ops.sequencer.refresh_all()  # the preview does not notice the pictures that a script appends
        bpy.ops.sequencer.view_all_preview()
    with stage.desk.override("WINDOW"):
        bpy.ops.sequencer.view_all()
    yield from stage.do("cutout.new")
    stage.check("the clip is opened", stage.track.frame_count == len(files), stage.message())
    yield from stage.desk.find_buttons()
    yield from stage.do("cutout.apply_strokes")
    stage.says("no strokes", "Press Keep and draw")
    yield from stage.do("propagate(direction='BOTH')")
    stage.says("nothing to propagate", "no mask to propagate")


def draw(stage: Stage) -> Steps:
    """Strokes by the mouse, and the mask over the preview."""
    plain = kit.Layout(START, RENDER)
    yield from stage.desk.press("brush(label='keep')")
    before = stage.look(plain, kit.STROKE_FRAME)
    for stroke in kit.strokes()["Cutout +"]:
        yield from stage.desk.drag([stage.at(*p, plain) for p in dense(stroke)])
    for _ in range(600):  # it applies itself
        if stage.track.applied:
            break
        yield 0.1
    yield from stage.desk.idle()
    stage.says("a stroke is applied by itself", "1 stroke applied")
    seconds = stage.applied_at - stage.desk.released
    stage.check("soon after the mouse lets go", 0 < seconds < 5, f"{seconds:.2f} s, the networks' first use")
    yield 0.4
    faded = [layer.annotation_opacity for layer in annotation().layers if layer.info == "Cutout +"]
    stage.check("the stroke fades", faded[0] < 0.5, faded)
    yield from stage.desk.rest()
    after = stage.look(plain, kit.STROKE_FRAME)
    stage.shot("mask")
    stage.check("the mask tints the object", apart(before[0], after[0]) > 120, f"{before[0]} → {after[0]}")
    stage.check("the mask leaves the rest alone", apart(before[1], after[1]) < 60, f"{before[1]} → {after[1]}")
    stage.scene.cutout.show_mask = False
    yield 0.4
    hidden = stage.look(plain, kit.STROKE_FRAME)
    stage.check("the mask can be hidden", apart(before[0], hidden[0]) < 6, hidden[0])
    stage.scene.cutout.show_mask = True
    yield from views(stage, hidden)


def views(stage: Stage, bare: tuple[tuple[int, ...], tuple[int, ...]]) -> Steps:
    """The other ways to show the mask."""
    plain = kit.Layout(START, RENDER)
    for view in ("OUTLINE", "CHECKER", "GREY"):
        stage.scene.cutout.mask_view = view
        yield 0.5
        inside, outside = stage.look(plain, kit.STROKE_FRAME)
        expected = ((255, 255, 255), (0, 0, 0)) if view == "GREY" else bare
        grey = (max(outside) - min(outside) < 4 and 80 < outside[0] < 170) if view == "CHECKER" else False
        ok = apart(inside, expected[0]) < 30 and (grey or apart(outside, expected[1]) < 12)
        stage.check(f"the view {view}", ok, f"{bare} → {inside}, {outside}")
        stage.shot(f"view {view}")
    stage.scene.cutout.mask_view = "TINT"
