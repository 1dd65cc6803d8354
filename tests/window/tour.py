"""The pictures of the documentation, taken of a real window: `python tests/window/run.py --tour FOLDER`.

FOLDER holds the demo's `clip.mp4` and `background.png`: `python install.py demo` leaves them in demo-output/film. Draws
the demo's strokes with the mouse, so the pictures show what an artist sees. Run inside Blender by `run.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from desk import Desk, Steps, dense, play  # noqa: E402

from blender_cutout.setup.demo.make_strokes import STROKES  # noqa: E402

LAYERS = {"Cutout +": "keep", "Cutout -": "remove"}


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
        desk = self.desk
        bpy.context.preferences.view.show_splash = False
        scene = desk.window.scene
        scene.view_settings.view_transform = "Standard"
        scene.render.fps = 24
        yield from desk.one_sequencer(scene)
        editor = scene.sequence_editor or scene.sequence_editor_create()
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences
        clip = strips.new_movie("Animal", str(self.film / "clip.mp4"), 2, 1)
        length = 48
        back = strips.new_image("Background", str(self.film / "background.png"), 1, 1)
        setattr(back, "right_handle" if hasattr(back, "right_handle") else "frame_final_end", 1 + length)
        picture = clip.elements[0]
        scene.render.resolution_x, scene.render.resolution_y = picture.orig_width, picture.orig_height
        scene.frame_end = length
        editor.active_strip = clip
        scene.frame_set(min(STROKES))
        yield from desk.show_tab("Cutout")
        with desk.override():
            bpy.ops.sequencer.refresh_all()
            bpy.ops.sequencer.view_all_preview()
        with desk.override("WINDOW"):
            bpy.ops.sequencer.view_all()
        yield from desk.find_buttons()
        yield from desk.do("cutout.new")
        yield from desk.find_buttons()
        for frame, layers in STROKES.items():
            scene.frame_set(frame)
            yield 0.5
            for layer, strokes in layers.items():
                yield from desk.press(f"brush(label='{LAYERS[layer]}')")
                for stroke in strokes:
                    yield from desk.drag([self._place(scene, *point) for point in dense(stroke, 4)])
            yield from desk.rest()
            desk.shot(f"strokes-{frame}")
            yield from desk.do("cutout.apply_strokes")
            yield from desk.rest()
            desk.shot(f"mask-{frame}")
            if frame == min(STROKES):
                desk.shot("overlay", self._without_timeline())
        yield from desk.press("propagate(direction='BOTH')")
        while bpy.context.window_manager.cutout.progress < 0.4:
            yield 0.1
        desk.shot("propagating")
        desk.shot("panel", desk.rectangle("UI"))
        yield from desk.idle()
        for frame in (12, 22, 30, 44):
            scene.frame_set(frame)
            yield 0.8
            desk.shot(f"overlay-{frame}")
        yield from desk.do("cutout.write_strips")
        yield from desk.rest()
        for frame in (22, 30, 44, 12):
            scene.frame_set(frame)
            yield 1.0
            desk.shot(f"composite-{frame}")
        desk.shot("composite", self._without_timeline())

    def _without_timeline(self) -> tuple[int, int, int, int]:
        """The preview and the panel beside it: the timeline shows where files lie on this machine."""
        _, y, _, height = self.desk.rectangle("PREVIEW")
        return 0, y, self.desk.window.width, height

    def _place(self, scene: Any, x: float, y: float) -> tuple[float, float]:
        """The place on the screen of a pixel of the clip, which fills the frame."""
        render = scene.render
        return self.desk.to_screen((x - render.resolution_x / 2, render.resolution_y / 2 - y))


if __name__ == "__main__":
    out, film, _ = map(Path, sys.argv[sys.argv.index("--") + 1 :])
    play(Tour(out, film).steps())
