"""Operates a Blender window: mouse and keys by xdotool, screenshots by ImageMagick.

Imported inside Blender. The window must start at the top left corner of the screen, without a frame: then a region's
pixels are the screen's, except for the direction of y. Anything that has to wait for Blender is a generator that
yields seconds.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

Steps = Iterator[float]
Point = tuple[float, float]
LARGEST = 150_000
"""Bytes of a picture of a part."""


class Desk:
    """One sequencer with preview, and the sidebar's tab Cutout.

    Args:
        out: folder of the pictures.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.released = 0.0
        """When the mouse last ended a drag."""
        self.own_seconds = 0.0
        """Seconds in which the test itself held Blender up."""
        self.editor = "SEQUENCE_EDITOR"
        """Type of the area in use."""
        self.buttons: dict[str, list[tuple[int, int]]] = {}
        """Python command of a button → places on the screen where it was seen; by `find_buttons`."""
        self._where = "UI"
        """Region of the buttons."""

    @property
    def window(self) -> Any:
        """The window."""
        return bpy.context.window_manager.windows[0]

    @property
    def area(self) -> Any:
        """The largest area of the editor's type."""
        areas = [a for a in self.window.screen.areas if a.type == self.editor]
        return max(areas, key=lambda a: a.width * a.height)

    def region(self, kind: str) -> Any:
        """The sequencer's region of a type."""
        return next(r for r in self.area.regions if r.type == kind)

    def override(self, kind: str = "PREVIEW") -> Any:
        """Context of a region."""
        return bpy.context.temp_override(window=self.window, area=self.area, region=self.region(kind))

    def shot(self, name: str, crop: tuple[int, int, int, int] | None = None) -> Path:
        """A picture of the screen, or a small one of a part: crop = (x, y, width, height) from the top left."""
        path = self.out / f"{name}.png"
        self._run("import", "-window", "root", str(path))
        if crop:
            x, y, width, height = crop
            self._run("mogrify", "-crop", f"{width}x{height}+{x}+{y}", "+repage", "-strip", str(path))
            self._shrink(path)
        return path

    def beside(self, name: str, *parts: str) -> Path:
        """A small picture of others side by side."""
        path = self.out / f"{name}.png"
        self._run("convert", *(str(self.out / f"{part}.png") for part in parts), "+append", str(path))
        self._shrink(path)
        return path

    def _shrink(self, path: Path) -> None:
        """Makes a picture small enough for the documentation."""
        # A palette only where it must be: it shows in soft gradients; dithered, it would speckle the panel.
        whole = path.with_suffix(".whole")
        shutil.copyfile(path, whole)
        palette = ["+dither", "-colors"]
        for smaller in (["-resize", "1000x>"], ["-resize", "1000x>", *palette, "192"],
                        ["-resize", "900x>", *palette, "128"], ["-resize", "800x>", *palette, "96"]):  # fmt: skip
            if path.stat().st_size > LARGEST:
                self._run("convert", f"png:{whole}", *smaller, str(path))
        whole.unlink()

    def rectangle(self, kind: str) -> tuple[int, int, int, int]:
        """A region as (x, y, width, height) on the screen, from the top left."""
        region = self.region(kind)
        return region.x, self.window.height - region.y - region.height, region.width, region.height

    def xdo(self, *arguments: object) -> None:
        """Runs xdotool."""
        self._run("xdotool", *map(str, arguments))

    def move(self, x: float, y: float) -> None:
        """Moves the mouse to a place on the screen."""
        self.xdo("mousemove", int(x), int(y))

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        """The colour on the screen, (r, g, b) of 255."""
        crop = f"1x1+{round(x)}+{round(y)}"
        return tuple(self._run("import", "-window", "root", "-crop", crop, "-depth", "8", "rgb:-")[:3])

    def one_sequencer(self, scene: Any) -> Steps:
        """Fills the window with a sequencer and a large preview of this scene."""
        area = max(self.window.screen.areas, key=lambda a: a.width * a.height)
        area.type = "SEQUENCE_EDITOR"
        area.spaces.active.view_type = "SEQUENCER_PREVIEW"
        if hasattr(self.window.workspace, "sequencer_scene"):
            self.window.workspace.sequencer_scene = scene
        yield 1.0
        with self.override("WINDOW"):
            bpy.ops.screen.screen_full_area()
        yield 1.0
        x, y, width, height = self.rectangle("PREVIEW")
        edge = x + width * 0.9
        yield from self.drag([(edge, y + height), (edge, y + height + 80), (edge, y + height + 300)])

    def show_tab(self, name: str) -> Steps:
        """Opens the sidebar at a tab."""
        self.area.spaces.active.show_region_ui = True
        yield 0.6
        self.region("UI").active_panel_category = name
        yield 0.8

    @property
    def status(self) -> Any:
        """What the panel shows."""
        return bpy.context.window_manager.cutout

    def idle(self, limit: float = 300.0) -> Steps:
        """Waits for the engine."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            yield 0.1
            if not self.status.busy:
                break
        yield 0.4

    def do(self, button: str) -> Steps:
        """Presses a button, waits for the engine, and closes Blender's pop-up, which would take the next click."""
        yield from self.press(button)
        yield from self.idle()
        if self.status.level == "ERROR":
            yield from self.rest()

    def rest(self) -> Steps:
        """Closes a pop-up and moves the mouse to the timeline, where it highlights nothing."""
        yield from self.key("Escape")
        x, y, width, height = self.rectangle("WINDOW")
        for share in (0.3, 0.5):
            self.move(x + width * share, y + height * 0.4)
            yield 0.3

    def scroll(self, steps: int) -> Steps:
        """Turns the mouse wheel over the sidebar: down, or up if negative."""
        x, y, width, height = self.rectangle("UI")
        self.move(x + width * 0.4, y + height * 0.5)
        yield 0.3
        for _ in range(abs(steps)):
            self.xdo("click", 5 if steps > 0 else 4)
            yield 0.1
        yield 0.6

    def key(self, *names: str) -> Steps:
        """Presses keys, one after another."""
        for name in names:
            self.xdo("key", name)
            yield 0.15

    def click(self, x: float, y: float) -> Steps:
        """Clicks there as a person does: approach, press, release."""
        self.move(x - 4, y)
        yield 0.15
        self.move(x, y)
        yield 0.25
        self.xdo("mousedown", 1)
        yield 0.25
        self.xdo("mouseup", 1)
        yield 0.4

    def drag(self, places: Sequence[Point], look: Callable[[], object] = lambda: None, ctrl: bool = False) -> Steps:
        """Drags along places on the screen; `look` is called before the mouse button is released."""
        self.move(places[0][0] - 3, places[0][1])
        yield 0.2
        self.move(*places[0])
        yield 0.2
        if ctrl:
            self.xdo("keydown", "ctrl")
            yield 0.1
        self.xdo("mousedown", 1)
        yield 0.15
        for place in places[1:]:
            self.move(*place)
            yield 0.05
        yield 0.15
        look()
        yield 0.05
        self.released = time.perf_counter()
        self.xdo("mouseup", 1)
        if ctrl:
            self.xdo("keyup", "ctrl")
        yield 0.4

    def to_screen(self, point: Point) -> Point:
        """The place on the screen of a preview point."""
        region = self.region("PREVIEW")
        x, y = region.view2d.view_to_region(*point, clip=False)
        return region.x + x, self.window.height - 1 - (region.y + y)

    def find_buttons(
        self, step: int = 9, kind: str = "UI", shares: Sequence[float] = (0.12, 0.45, 0.78), longest: int = 420
    ) -> Steps:
        """Scans a region with the mouse and records where its buttons are, by each one's command.

        Stops `longest` pixels below the last button.
        """
        self._where = kind
        x, y, width, height = self.rectangle(kind)
        self.buttons = {}
        for share in shares:
            last = y
            for down in range(y + 4, y + height, step):
                place = (int(x + width * share), down)
                self.move(*place)
                yield 0.05
                command = self._command_under_mouse()
                if command:
                    self.buttons.setdefault(command, []).append(place)
                    last = down
                elif down > last + longest:  # further than any message
                    break

    def press(self, part: str) -> Steps:
        """Clicks the button whose command contains `part`, scanning once more if the panel has changed."""
        pressed = yield from self._press(part)
        if not pressed:
            yield from self.find_buttons(kind=self._where)
            pressed = yield from self._press(part)
        if not pressed:
            raise LookupError(f"The button for {part} is not where it was.")

    def _press(self, part: str) -> Generator[float, None, bool]:
        """Clicks the button; returns False if it is not where it was seen."""
        matching = [places for command, places in self.buttons.items() if part in command]
        if len(matching) != 1:
            raise LookupError(f"{len(matching)} buttons run {part}; there are {sorted(self.buttons)}")
        places = sorted(matching[0], key=lambda place: abs(place[1] - matching[0][len(matching[0]) // 2][1]))
        # On a loaded machine Blender lags behind the mouse: a button may lie a bit above where it was seen.
        for x, y in [*places, *((x, y - up) for x, y in places[:1] for up in (9, 18, 27, 36))]:
            self.move(x, y)
            for _ in range(10):
                yield 0.1
                if part in self._command_under_mouse():
                    yield from self.click(x, y)
                    return True
        return False

    def _run(self, *command: str) -> bytes:
        start = time.perf_counter()
        try:
            return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        finally:
            self.own_seconds += time.perf_counter() - start

    def _command_under_mouse(self) -> str:
        manager = bpy.context.window_manager
        manager.clipboard = ""
        with self.override(self._where):
            if bpy.ops.ui.copy_python_command_button.poll():
                bpy.ops.ui.copy_python_command_button()
        return manager.clipboard


def dense(points: Sequence[Point], parts: int = 5) -> list[Point]:
    """The points of a stroke with some between, as a hand draws it."""
    found = [points[0]]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        found += [(x0 + (x1 - x0) * i / parts, y0 + (y1 - y0) * i / parts) for i in range(1, parts + 1)]
    return found


def play(steps: Steps, failed: Callable[[str], None] = lambda _: None) -> None:
    """Has Blender's timer take the steps, and ends Blender afterwards.

    Args:
        steps: yields seconds to wait.
        failed: gets the last line of an exception's traceback.
    """

    def tick() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            pass
        except Exception:
            traceback.print_exc()
            failed([line for line in traceback.format_exc().splitlines() if line.strip()][-1])
        bpy.ops.wm.quit_blender()
        return None

    # Now, before it opens: Blender 4.3 crashes when a script changes the screen under the splash.
    bpy.context.preferences.view.show_splash = False
    bpy.app.timers.register(tick, first_interval=2.0, persistent=True)
