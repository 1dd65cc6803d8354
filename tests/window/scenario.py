"""What the hand does in the window, and what must be seen. Run inside Blender by `run.py`.

A generator stepped by a timer of Blender's, so that its event loop runs between the steps; it yields seconds.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import bpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import bpy_kit as kit  # noqa: E402
from desk import Desk, Steps, dense, play  # noqa: E402

START = 1
FRAME = START + kit.STROKE_FRAME
"""Timeline frame that is drawn on."""
RENDER = (320, 200)
GREEN = tuple(round(255 * v) for v in kit.GREEN)


class Scenario:
    """The artist's way through the add-on.

    Args:
        out: folder of the pictures.
        clip: folder of the clip's frames.
        scratch: folder for anything.
    """

    def __init__(self, out: Path, clip: Path, scratch: Path) -> None:
        self.desk = Desk(out)
        self.clip, self.scratch = clip, scratch
        self.checks: list[dict[str, Any]] = []
        self.gaps: list[float] = []
        """Seconds for which Blender did not come to the timer `beat`, without what the test itself took."""
        self._beat = time.perf_counter()
        self._number = 0
        self._applied_at = 0.0

    # ------------------------------------------------------------------ small things

    def check(self, name: str, ok: bool, detail: object = "") -> None:
        """Notes whether something is as it must be; at once in a file, as Blender may crash."""
        self.checks.append({"name": name, "ok": bool(ok), "detail": str(detail)})
        report = self.desk.out / "report.json"
        report.write_text(json.dumps(self.checks, indent=1, ensure_ascii=False), encoding="utf-8")

    def shot(self, name: str) -> None:
        """A numbered picture of the screen."""
        self._number += 1
        self.desk.shot(f"{self._number:02d} {name}")

    def beat(self) -> float:
        """Measures how long the event loop was away; a timer of its own."""
        now = time.perf_counter() - self.desk.own_seconds
        self.gaps.append(now - self._beat)
        self._beat = now
        if not self._applied_at and len(self.scene.cutout.tracks) and self.track.applied:
            self._applied_at = time.perf_counter()
        return 0.01

    def watch(self) -> list[float]:
        """Measures from now on what the add-on itself takes of Blender's time; the list grows by seconds."""
        spent: list[float] = []

        def watched(method: Any) -> Any:
            def call(*arguments: Any) -> Any:
                start = time.perf_counter()
                try:
                    return method(*arguments)
                finally:
                    spent.append(time.perf_counter() - start)

            return call

        overlay = _package("overlay")._overlay
        for holder, name in ((_package("jobs").pump, "step"), (overlay, "_texture"), (overlay, "_paint")):
            setattr(holder, name, watched(getattr(holder, name)))
        return spent

    @property
    def scene(self) -> Any:
        """The scene."""
        return self.desk.window.scene

    @property
    def track(self) -> Any:
        """The only cutout."""
        return self.scene.cutout.tracks[0]

    @property
    def strip(self) -> Any:
        """The clip's strip."""
        return next(s for s in _strips(self.scene) if s.name == "clip")

    def message(self) -> str:
        """The panel's message."""
        return f"{self.desk.status.level} {self.desk.status.text} {self.desk.status.hint}".strip()

    def do(self, button: str) -> Steps:
        """Presses a button and waits for the engine; an error's pop-up is looked at, then closed."""
        yield from self.desk.press(button)
        yield from self.desk.idle()
        if self.desk.status.level == "ERROR":
            self.shot(f"error {len(self.checks)}")
            yield from self.desk.rest()

    def says(self, name: str, part: str) -> None:
        """Checks the panel's message."""
        self.check(name, part in self.message(), self.message())

    def at(self, x: float, y: float, layout: kit.Layout) -> tuple[float, float]:
        """The place on the screen of a source pixel, by geometry that shares nothing with the add-on's."""
        return self.desk.to_screen(layout.preview_point(x, y))

    def look(self, layout: kit.Layout, frame: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The screen's colours (inside, outside) the object in a picture of the clip."""
        x, y = kit.object_at(frame)
        return tuple(self.desk.pixel(*self.at(*p, layout)) for p in ((x + 14.5, y + 56.5), (x + 31.5, y + 21.5)))  # type: ignore[return-value]

    # ------------------------------------------------------------------ the way

    def steps(self) -> Steps:
        """All of it."""
        yield from self.open()
        yield from self.mistakes()
        yield from self.draw()
        yield from self.propagate()
        yield from self.turn()
        yield from self.write()
        yield from self.save_and_load()
        yield from self.lose_the_engine()
        self.check("the test ran to its end", True)

    def open(self) -> Steps:
        """A sequencer with preview and the tab Cutout; the clip over a green strip."""
        bpy.context.preferences.view.show_splash = False
        scene, desk = self.scene, self.desk
        scene.render.resolution_x, scene.render.resolution_y = RENDER
        scene.view_settings.view_transform = "Standard"
        yield from desk.one_sequencer(scene)
        length = len(list(self.clip.iterdir()))
        scene.frame_end = length
        editor = scene.sequence_editor or scene.sequence_editor_create()
        span = {"length": length} if bpy.app.version >= (5, 0, 0) else {"frame_end": START + length}
        _strips(scene).new_effect("green", "COLOR", 1, START, **span).color = kit.GREEN
        editor.active_strip = None
        yield from desk.show_tab("Cutout")
        yield from desk.find_buttons()
        self.shot("empty")

    def mistakes(self) -> Steps:
        """What cannot work is told, with what to do."""
        yield from self.do("cutout.new")
        self.says("without a strip", "No strip is selected")
        gone = self.scratch / "gone.png"
        kit.write_png(gone, kit.picture(0))
        strip = _strips(self.scene).new_image("gone", str(gone), 3, START)
        self.scene.sequence_editor.active_strip = strip
        gone.unlink()
        yield from self.do("cutout.new")
        self.says("a picture is missing", "is missing")
        _strips(self.scene).remove(strip)
        files = sorted(self.clip.iterdir())
        strip = _strips(self.scene).new_image("clip", str(files[0]), 2, START)
        for file in files[1:]:
            strip.elements.append(file.name)
        self.scene.sequence_editor.active_strip = strip
        self.scene.frame_set(FRAME)
        with self.desk.override():
            bpy.ops.sequencer.refresh_all()  # the preview does not notice the pictures that a script appends
            bpy.ops.sequencer.view_all_preview()
        with self.desk.override("WINDOW"):
            bpy.ops.sequencer.view_all()
        yield from self.do("cutout.new")
        self.check("the clip is opened", self.track.frame_count == len(files), self.message())
        yield from self.desk.find_buttons()
        yield from self.do("cutout.apply_strokes")
        self.says("no strokes", "Press Keep and draw")
        yield from self.do("propagate(direction='BOTH')")
        self.says("nothing to propagate", "no mask to propagate")

    def draw(self) -> Steps:
        """Strokes by the mouse, and the mask over the preview."""
        plain = kit.Layout(START, RENDER)
        yield from self.desk.press("brush(label='keep')")
        before = self.look(plain, kit.STROKE_FRAME)
        for stroke in kit.strokes()["Cutout +"]:
            yield from self.desk.drag([self.at(*p, plain) for p in dense(stroke)])
        for _ in range(600):  # it applies itself
            if self.track.applied:
                break
            yield 0.1
        yield from self.desk.idle()
        self.says("a stroke is applied by itself", "1 stroke applied")
        seconds = self._applied_at - self.desk.released
        self.check("soon after the mouse lets go", 0 < seconds < 5, f"{seconds:.2f} s, the networks' first use")
        yield 0.4
        faded = [layer.annotation_opacity for layer in _annotation().layers if layer.info == "Cutout +"]
        self.check("the stroke fades", faded[0] < 0.5, faded)
        yield from self.desk.rest()
        after = self.look(plain, kit.STROKE_FRAME)
        self.shot("mask")
        self.check("the mask tints the object", _apart(before[0], after[0]) > 120, f"{before[0]} → {after[0]}")
        self.check("the mask leaves the rest alone", _apart(before[1], after[1]) < 60, f"{before[1]} → {after[1]}")
        self.scene.cutout.show_mask = False
        yield 0.4
        hidden = self.look(plain, kit.STROKE_FRAME)
        self.check("the mask can be hidden", _apart(before[0], hidden[0]) < 6, hidden[0])
        self.scene.cutout.show_mask = True
        yield from self.views(hidden)

    def views(self, bare: tuple[tuple[int, ...], tuple[int, ...]]) -> Steps:
        """The other ways to show the mask."""
        plain = kit.Layout(START, RENDER)
        for view in ("OUTLINE", "CHECKER", "GREY"):
            self.scene.cutout.mask_view = view
            yield 0.5
            inside, outside = self.look(plain, kit.STROKE_FRAME)
            expected = ((255, 255, 255), (0, 0, 0)) if view == "GREY" else bare
            grey = (max(outside) - min(outside) < 4 and 80 < outside[0] < 170) if view == "CHECKER" else False
            ok = _apart(inside, expected[0]) < 30 and (grey or _apart(outside, expected[1]) < 12)
            self.check(f"the view {view}", ok, f"{bare} → {inside}, {outside}")
            self.shot(f"view {view}")
        self.scene.cutout.mask_view = "TINT"

    def propagate(self) -> Steps:
        """The clip is scrubbed while the mask goes through it."""
        spent = self.watch()
        yield from self.desk.press("propagate(direction='BOTH')")
        self.desk.move(*self.desk.to_screen((0, 0)))
        yield 0.2
        self.gaps.clear()
        pressed, visited = 0, set()
        while self.desk.status.busy and pressed < 500:
            pressed += 1
            yield from self.desk.key("Right" if pressed % 20 < 10 else "Left")
            visited.add(self.scene.frame_current)
            if pressed == 12:
                self.shot("propagating")
        pauses = sorted([0.0, *self.gaps])
        detail = (
            f"{pressed} keys, {len(visited)} frames; pause {pauses[len(pauses) // 2]:.2f} s, longest {pauses[-1]:.2f} s"
        )
        self.check("the window stays alive while the mask goes through", len(visited) > 3 and pauses[-1] < 1.5, detail)
        worst = max(spent, default=9.0)
        self.check(
            "the add-on itself holds nothing up", worst < 0.5, f"longest of {len(spent)} steps {worst * 1000:.0f} ms"
        )
        self.check("every frame has a mask", self.track.done_count == self.track.frame_count, self.message())

    def turn(self) -> Steps:
        """The mask lies on the object wherever the strip is put."""
        scene = self.scene
        for name, layout in kit.LAYOUTS.items():
            scene.render.resolution_x, scene.render.resolution_y = layout.render
            scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = layout.aspect
            kit.place(self.strip, layout)
            frame = 9
            scene.frame_set(START + frame)
            with self.desk.override():
                bpy.ops.sequencer.view_all_preview()
            scene.cutout.show_mask = False
            yield 0.6
            bare = self.look(layout, frame)
            scene.cutout.show_mask = True
            yield 0.6
            seen = self.look(layout, frame)
            self.shot(f"mask {name}")
            ok = _apart(bare[0], seen[0]) > 40 and _apart(bare[1], seen[1]) < 6
            self.check(f"the mask lies right: {name}", ok, f"in {bare[0]} → {seen[0]}, out {bare[1]} → {seen[1]}")
        plain = kit.Layout(START, RENDER)
        scene.render.resolution_x, scene.render.resolution_y = RENDER
        scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = plain.aspect
        kit.place(self.strip, plain)
        with self.desk.override():
            bpy.ops.sequencer.view_all_preview()
        yield 0.5

    def write(self) -> Steps:
        """The composite shows live; undo brings the mask back."""
        plain, frame = kit.Layout(START, RENDER), 9
        images = set(bpy.data.images)
        yield from self.do("cutout.write_strips")
        yield 0.5
        self.says("the strips are written", "Wrote")
        inside, outside = self.look(plain, frame)
        self.shot("composite")
        red = kit.picture(frame)[kit.truth(frame) > 0.5][0]
        self.check("the object stays, without tint", _apart(inside, red) < 12, f"{inside} for {tuple(red)}")
        self.check("the background is the strip below", _apart(outside, GREEN) < 12, f"{outside} for {GREEN}")
        self.check("no image is left in the file", set(bpy.data.images) == images, [i.name for i in bpy.data.images])
        head = self.track.head
        yield from self.do("cutout.undo_round")
        self.says("a step is taken back", "Took the last step back")
        self.check("only the drawn frame is left", self.track.done_count == 1, self.track.done_count)
        self.shot("step taken back")
        with self.desk.override():
            bpy.ops.ed.undo()
        yield from self.desk.idle()
        self.check("Blender's undo brings it back", self.track.head == head, self.message())

    def save_and_load(self) -> Steps:
        """The masks move beside the file, and are shown before an engine runs."""
        blend = self.scratch / "project" / "mein Projekt é.blend"
        blend.parent.mkdir()
        bpy.ops.wm.save_as_mainfile(filepath=str(blend))
        yield 0.5
        self.check("masks beside the file", self.track.folder.startswith("//"), self.track.folder)
        bpy.ops.wm.open_mainfile(filepath=str(blend))
        yield 1.5
        strip = self.strip
        strip.modifiers[0].mute = True
        self.scene.frame_set(START + 9)
        yield 0.8
        seen = self.look(kit.Layout(START, RENDER), 9)
        red = kit.picture(9)[kit.truth(9) > 0.5][0]
        self.check("the mask shows after loading", _apart(seen[0], red) > 40 and not self.desk.status.engine, seen[0])
        self.shot("loaded")
        strip.modifiers[0].mute = False

    def lose_the_engine(self) -> Steps:
        """The engine is killed in the middle; work goes on after a restart."""
        yield from self.desk.show_tab("Cutout")
        yield from self.desk.find_buttons()
        self.scene.frame_set(START + 22)
        yield from self.do("cutout.auto")
        self.check("a first guess on another frame", self.track.keyframe_count == 2, self.message())
        self.shot("auto")
        yield from self.desk.press("propagate(direction='BOTH')")
        pump = _package("jobs").pump
        for _ in range(1200):
            yield 0.02
            if self.desk.status.busy and self.desk.status.progress > 0.05:
                break
        os.kill(pump.client.ready.pid, signal.SIGKILL)
        yield from self.desk.idle()
        self.check("the loss is told", self.desk.status.lost and self.desk.status.level == "ERROR", self.message())
        yield from self.desk.rest()
        self.shot("engine lost")
        yield from self.desk.find_buttons()
        yield from self.do("cutout.restart_engine")
        yield from self.desk.find_buttons()
        yield from self.do("propagate(direction='BOTH')")
        self.check("work goes on", self.track.done_count == self.track.frame_count, self.message())
        self.shot("engine back")


def _package(name: str) -> Any:
    """A module of the installed add-on."""
    return next(m for n, m in sys.modules.items() if n.startswith("bl_ext.") and n.endswith(f".blender_cutout.{name}"))


def _annotation() -> Any:
    data = bpy.data.annotations if hasattr(bpy.data, "annotations") else bpy.data.grease_pencils
    return next(a for a in data if any(layer.info == "Cutout +" for layer in a.layers))


def _strips(scene: Any) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def _apart(a: Any, b: Any) -> float:
    """How far two colours are apart, in 255ths, summed over the channels."""
    return float(sum(abs(int(x) - int(y)) for x, y in zip(a, b, strict=True)))


def _start() -> None:
    out, clip, scratch = map(Path, sys.argv[sys.argv.index("--") + 1 :])
    scenario = Scenario(out, clip, scratch)
    bpy.app.timers.register(scenario.beat, persistent=True)
    play(scenario.steps(), lambda text: scenario.check("the test ran to its end", False, text))


_start()
