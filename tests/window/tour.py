"""Takes the documentation's screenshots in a real window: `python tests/window/run.py --tour FOLDER`.

docs/cutout.gif is a recording of this, ten times as fast. FOLDER holds the demo's `clip.mp4` and `background.png`,
which `python install.py demo` leaves in demo-output/film.
Paints the demo's strokes with the mouse, so the pictures show what an artist sees. Run inside Blender by `run.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from desk import Desk, Point, Steps, dense, play  # noqa: E402

from blender_cutout.devtools.demo.make_strokes import STROKES  # noqa: E402

FIRST, LATER = sorted(STROKES)
BEHIND = 22
"""Frame on which the animal goes behind the tree."""
LENGTH = 48
RADIUS = 5.0
LOCKED = (9, 15)
"""Frames that are locked, for the picture of the timeline."""
NEAR = 0.5
"""Share of the picture's width in which the animal is on the first frame."""
LAYERS = {"Cutout +": False, "Cutout -": True}
"""The demo's layer → whether Ctrl is held, which removes."""


class Tour:
    """From the empty panel to the composite.

    Args:
        out: folder of the pictures.
        film: folder of the clip and the background.
    """

    def __init__(self, out: Path, film: Path) -> None:
        self.desk = Desk(out)
        self.film = film

    def steps(self) -> Steps:
        """All of it."""
        yield from self.begin()
        yield from self.paint()
        yield from self.propagate()
        yield from self.correct()
        yield from self.output()

    def begin(self) -> Steps:
        """A sequencer with the clip alone, and the button New Cutout."""
        desk, scene = self.desk, self.scene
        scene.view_settings.view_transform = "Standard"
        scene.render.fps, scene.frame_end = 24, LENGTH
        scene.render.filepath = "//composite/"
        yield from desk.one_sequencer(scene)
        desk.area.spaces.active.timeline_overlay.show_strip_source = False  # where files lie on this machine
        editor = scene.sequence_editor or scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        clip = strips.new_movie("Animal", str(self.film / "clip.mp4"), 1, 1)
        picture = clip.elements[0]
        scene.render.resolution_x, scene.render.resolution_y = picture.orig_width, picture.orig_height
        editor.active_strip = clip
        scene.frame_set(FIRST)
        yield from desk.show_tab("Cutout")
        with desk.override():
            bpy.ops.sequencer.refresh_all()
            bpy.ops.sequencer.view_all_preview()
        with desk.override("WINDOW"):
            bpy.ops.sequencer.view_all()
        yield from desk.find_buttons()
        yield from desk.rest()
        desk.shot("start", self._below_header())
        yield from desk.do("cutout.new")
        yield from desk.find_buttons()

    def paint(self) -> Steps:
        """The Cutout Brush: keep, and with Ctrl remove. Each stroke is applied when the mouse lets go."""
        yield from self.desk.press("cutout.start_brush(detail=False)")
        self.desk.status.brush_radius = RADIUS
        for layer, remove in LAYERS.items():
            for number, stroke in enumerate(STROKES[FIRST][layer]):
                yield from self._stroke(stroke, remove, "brush-remove" if remove else f"brush-{number}")
                if stroke is STROKES[FIRST]["Cutout +"][0]:
                    yield from self.desk.rest()
                    self.desk.shot("brush-after", self._picture(NEAR))
                    self.desk.beside("brush", "brush-0", "brush-after")
        yield from self.desk.rest()
        self.desk.shot("overlay", self._with_preview())

    def propagate(self) -> Steps:
        """The mask is propagated while the artist scrubs."""
        desk, scene = self.desk, self.scene
        yield from desk.press("propagate(direction='BOTH')")
        yield from desk.rest()
        while desk.status.busy and desk.status.progress < 0.4:
            yield from desk.key("Right" if scene.frame_current < 14 else "Left")
        desk.shot("propagate", self._below_header())
        yield from desk.idle()
        yield from self._look("propagated")

    def correct(self) -> Steps:
        """Strokes where the mask is wrong; the mask goes through the clip once more."""
        desk, scene = self.desk, self.scene
        scene.frame_set(LATER)
        yield 1.0
        desk.shot("wrong", self._picture())
        for layer, remove in LAYERS.items():
            for number, stroke in enumerate(STROKES[LATER][layer]):
                yield from self._stroke(stroke, remove, f"correct-{'remove' if remove else 'keep'}-{number}")
        yield from desk.rest()
        desk.shot("right", self._picture())
        desk.beside("correction", "wrong", "right")
        yield from desk.find_buttons()
        yield from desk.press("propagate(direction='BOTH')")
        yield from desk.rest()
        yield from desk.idle()
        yield from self._look("corrected")
        yield from self.marks()

    def marks(self) -> Steps:
        """The timeline: masks, doubt, a locked range, strokes."""
        desk, scene = self.desk, self.scene
        scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, *LOCKED
        with desk.override("UI"):  # as Lock Range in the panel Review
            bpy.ops.cutout.lock_frames(span="RANGE")
        yield from desk.idle()
        scene.use_preview_range = False
        yield from desk.rest()
        desk.shot("timeline", desk.rectangle("WINDOW"))
        yield from desk.do("cutout.undo_round")

    def output(self) -> Steps:
        """Strips, a background, the composite."""
        desk, scene = self.desk, self.scene
        yield from desk.find_buttons()
        yield from desk.do("cutout.write_strips")
        yield from desk.find_buttons()
        yield from desk.do("kind='COLOR'")
        yield from desk.rest()
        desk.shot("colour")
        with desk.override("UI"):  # as the button Image does once a file is chosen
            bpy.ops.cutout.replace_background("EXEC_DEFAULT", kind="IMAGE", filepath=str(self.film / "background.png"))
        yield from desk.rest()
        yield from self._look("composite")
        scene.frame_set(BEHIND)
        yield 1.0
        desk.shot("composite", self._with_preview())
        desk.shot("panel", self._panel())

    @property
    def scene(self) -> Any:
        """The scene being edited."""
        return self.desk.window.scene

    def _stroke(self, stroke: list[Point], remove: bool, name: str) -> Steps:
        places = [self._place(*point) for point in dense(stroke, 4)]
        yield from self.desk.drag(places, lambda: self.desk.shot(name, self._picture(NEAR)), remove)
        yield from self.desk.idle()

    def _look(self, name: str) -> Steps:
        for frame in (12, BEHIND, LATER, 36):
            self.scene.frame_set(frame)
            yield 1.0
            self.desk.shot(f"{name}-{frame}")

    def _below_header(self) -> tuple[int, int, int, int]:
        """Preview, timeline and sidebar."""
        _, y, _, _ = self.desk.rectangle("PREVIEW")
        _, top, _, height = self.desk.rectangle("WINDOW")
        return 0, y, self.desk.window.width, top + height - y

    def _with_preview(self) -> tuple[int, int, int, int]:
        """The preview and the panel next to it."""
        _, y, _, height = self.desk.rectangle("PREVIEW")
        return 0, y, self.desk.window.width, height

    def _picture(self, share: float = 1.0) -> tuple[int, int, int, int]:
        """The clip in the preview without its black borders, or the left part of it."""
        x, y, width, height = self.desk.rectangle("PREVIEW")
        top = round(self._place(0, 0)[1])
        return (
            x,
            max(y, top),
            round(width * share),
            min(height, round(self._place(0, self.scene.render.resolution_y)[1]) - top),
        )

    def _panel(self) -> tuple[int, int, int, int]:
        """The sidebar without the empty space below the panel."""
        x, y, width, height = self.desk.rectangle("UI")
        return x, y, width, min(height, 700)

    def _place(self, x: float, y: float) -> Point:
        """The place on the screen of a pixel of the clip, which fills the frame."""
        render = self.scene.render
        return self.desk.to_screen((x - render.resolution_x / 2, render.resolution_y / 2 - y))


if __name__ == "__main__":
    out, film, _ = map(Path, sys.argv[sys.argv.index("--") + 1 :])
    play(Tour(out, film).steps())
