"""Shared parts of the window test's acts: the desk, the checks, and timers on Blender's main thread.

An act is a generator stepped by a Blender timer, so that the event loop runs between steps; it yields seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import bpy_kit as kit
from desk import Desk, Steps

START = 1
FRAME = START + kit.STROKE_FRAME
"""Timeline frame that is drawn on."""
RENDER = (320, 200)
_BUTTONS = (
    *("tracks", "rounds", "propagate", "write_strips", "output", "engine", "render_frames", "review"),
    *("import_export", "edge"),
)
"""Modules of the operators behind the buttons."""
GREEN = tuple(round(255 * v) for v in kit.GREEN)


class Stage:
    """Blender's window with the add-on, and the results so far.

    Args:
        out: folder of the pictures.
        clip: folder of the clip's frames.
        film: a movie of 1920×1080 pixels.
        scratch: folder for anything.
        wheels: folder of wheels for Set Up Engine; None = only its refusals are tested.
    """

    def __init__(self, out: Path, clip: Path, film: Path, scratch: Path, wheels: Path | None = None) -> None:
        self.desk = Desk(out)
        self.clip, self.film, self.scratch, self.wheels = clip, film, scratch, wheels
        self.checks: list[dict[str, Any]] = []
        self.gaps: list[float] = []
        """Seconds by which Blender was late for the timer `beat`, without the test's own time."""
        self.spent: dict[str, list[float]] = {}
        """Functions of the add-on in Blender's main thread → seconds of each call; by `watch`."""
        self.applied_at = 0.0
        self.at_beat: Callable[[float], None] = lambda now: None
        self._beat = time.perf_counter()
        self._number = 0

    # ------------------------------------------------------------------ results

    def check(self, name: str, ok: bool, detail: object = "") -> None:
        """Records a check's result, in a file at once, as Blender may crash."""
        self.checks.append({"name": name, "ok": bool(ok), "detail": str(detail)})
        report = self.desk.out / "report.json"
        report.write_text(json.dumps(self.checks, indent=1, ensure_ascii=False), encoding="utf-8")

    def says(self, name: str, part: str) -> None:
        """Checks the panel's message."""
        self.check(name, part in self.message(), self.message())

    def shot(self, name: str) -> None:
        """A numbered picture of the screen."""
        self._number += 1
        self.desk.shot(f"{self._number:02d} {name}")

    # ------------------------------------------------------------------ clocks

    def beat(self) -> float:
        """Measures how late the event loop is; a timer."""
        real = time.perf_counter()
        now = real - self.desk.own_seconds
        self.gaps.append(now - self._beat)
        self._beat = now
        if not self.applied_at and len(self.scene.cutout.tracks) and self.track.applied:
            self.applied_at = real
        self.at_beat(real)
        return 0.01

    def watch(self) -> None:
        """Measures from now on the add-on's own time in Blender's main thread, in `spent`."""
        jobs, auto = package("tasks.jobs"), package("tasks.auto_apply").auto
        overlay, strokes = package("ui.mask_overlay")._overlay, package("ui.stroke_overlay")._overlay
        marks = package("ui.timeline_overlay")._timeline
        for shown in (overlay, strokes, marks):
            shown.remove()
        self._measure(overlay, "draw", "mask drawn")
        self._measure(strokes, "draw", "strokes drawn")
        self._measure(strokes, "_draw_cursor", "brush drawn")
        self._measure(marks, "draw", "timeline marked")
        for shown in (overlay, strokes, marks):
            shown.add()
        self._measure(jobs, "step", "engine's news")
        self._measure(jobs, "push_undo", "undo step by Blender")
        self._measure(auto, "look", "strokes looked for")
        self._measure_called(package("ui.panel").CUTOUT_PT_cutout, "draw", "panel", 2)
        paint = package("operators.brush").CUTOUT_OT_paint
        for name in ("invoke", "modal"):
            self._measure_called(paint, name, f"brush {name}", 3)
        self._measure(package("tasks.upkeep").keeper, "look", "masks looked after")
        self._measure(package("tasks.upkeep").keeper, "see", "what the panel shows looked for")
        self._measure(package("scene.written"), "check", "look before the render")
        for module in _BUTTONS:
            for cls in package(f"operators.{module}").CLASSES:
                if "execute" in dir(cls):
                    self._measure_called(cls, "execute", cls.bl_idname, 2)

    def _measure(self, holder: Any, name: str, title: str) -> None:
        method, times = getattr(holder, name), self.spent.setdefault(title, [])

        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*arguments)
            finally:
                times.append(time.perf_counter() - start)

        setattr(holder, name, call)

    def _measure_called(self, holder: Any, name: str, title: str, count: int) -> None:
        """Does the same for methods that Blender calls: it passes as many arguments as they name.

        Blender looks up a class's methods at each use, so it calls the method set on the class.
        """
        holder_of = type("_", (), {name: getattr(holder, name)})
        self._measure(holder_of, name, title)
        measured = vars(holder_of)[name]
        if count == 2:
            setattr(holder, name, lambda itself, context: measured(itself, context))
        else:
            setattr(holder, name, lambda itself, context, event: measured(itself, context, event))

    def worst(self, without: tuple[str, ...] = ()) -> tuple[float, str]:
        """The longest block of the main thread, in seconds, and the longest of each kind in words."""
        most = {title: max(times) for title, times in self.spent.items() if times and title not in without}
        text = ", ".join(f"{title} {1000 * value:.0f} ms" for title, value in sorted(most.items(), key=lambda m: -m[1]))
        return max(most.values(), default=9.0), text

    # ------------------------------------------------------------------ what is in the window

    @property
    def scene(self) -> Any:
        """The scene."""
        return self.desk.window.scene

    @property
    def track(self) -> Any:
        """The active cutout."""
        data = self.scene.cutout
        return data.tracks[data.active_index]

    @property
    def strip(self) -> Any:
        """The clip's strip."""
        return next(s for s in strips_of(self.scene) if s.name == "clip")

    def message(self) -> str:
        """The panel's message."""
        return f"{self.desk.status.level} {self.desk.status.text} {self.desk.status.hint}".strip()

    def do(self, button: str) -> Steps:
        """Presses a button and waits for the engine; an error's pop-up is checked, then closed."""
        yield from self.desk.press(button)
        yield from self.desk.idle()
        if self.desk.status.level == "ERROR":
            self.shot(f"error {len(self.checks)}")
            yield from self.desk.rest()

    def at(self, x: float, y: float, layout: kit.Layout) -> tuple[float, float]:
        """The place on the screen of a source pixel, computed independently of the add-on's geometry."""
        return self.desk.to_screen(layout.preview_point(x, y))

    def look(self, layout: kit.Layout, frame: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The screen's colours (inside, outside) the object in a picture of the clip."""
        x, y = kit.object_at(frame)
        return tuple(self.desk.pixel(*self.at(*p, layout)) for p in ((x + 14.5, y + 56.5), (x + 31.5, y + 21.5)))  # type: ignore[return-value]


def package(name: str) -> Any:
    """A loaded module of the installed add-on."""
    for full, module in sys.modules.items():
        if full.startswith("bl_ext.") and full.endswith(f".blender_cutout.{name}"):
            return module
    raise LookupError(f"The add-on has not loaded a module {name}.")


def annotation() -> Any:
    """The annotation with the two layers."""
    data = bpy.data.annotations if hasattr(bpy.data, "annotations") else bpy.data.grease_pencils
    return next(a for a in data if any(layer.info == "Cutout +" for layer in a.layers))


def strips_of(scene: Any) -> Any:
    """The scene's strips."""
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def apart(a: Any, b: Any) -> float:
    """Returns the difference of two colours in 255ths, summed over the channels."""
    return float(sum(abs(int(x) - int(y)) for x, y in zip(a, b, strict=True)))
