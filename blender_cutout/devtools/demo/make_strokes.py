"""Writes strokes.blend, with Blender 4.2: 4.3 to 5.1 cannot make strokes by script, and 4.2 reads no newer file.

Run it with a Python 3.11 that has bpy 4.2, from the root of the checkout. The strokes were drawn by eye on two frames
of the clip, quickly, as by an artist: some along the animal, some next to it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

WIDTH, HEIGHT = 640, 360
THICKNESS = 7
Line = list[tuple[float, float]]
STROKES: dict[int, dict[str, list[Line]]] = {
    # timeline frame → layer → strokes, in pixels of the clip, from the top left
    7: {
        "Cutout +": [
            [(14, 100), (48, 140), (90, 166), (150, 182), (208, 172), (248, 142), (270, 122), (300, 138)],
            [(102, 198), (92, 240), (78, 270)],
            [(132, 210), (146, 240), (160, 274)],
            [(240, 194), (224, 232), (212, 262)],
        ],
        "Cutout -": [
            [(36, 294), (112, 300), (196, 292), (262, 270), (326, 232), (342, 168), (340, 110)],
            [(86, 128), (134, 112), (186, 100), (226, 84)],
        ],
    },
    45: {
        "Cutout +": [
            [(437, 233), (453, 284)],
            [(533, 245), (545, 322)],
            [(346, 98), (361, 153)],
            [(567, 61), (594, 92)],
            [(372, 170), (366, 230), (358, 285)],
        ],
        "Cutout -": [
            [(318, 120), (322, 190)],
            [(342, 170), (345, 235)],
            [(284, 150), (280, 220)],
            [(470, 285), (497, 300)],
        ],
    },
}
_COLOURS = {"Cutout +": (0.1, 1.0, 0.1), "Cutout -": (1.0, 0.1, 0.1)}


def main() -> None:
    """Writes the file next to this one."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "PREVIEW"
    annotation = bpy.data.grease_pencils.new("Cutout")
    annotation.use_fake_user = True
    area.spaces.active.grease_pencil = annotation
    for name, colour in _COLOURS.items():
        layer = annotation.layers.new(name, set_active=True)
        layer.thickness, layer.color = THICKNESS, colour
        for number, layers in STROKES.items():
            frame = layer.frames.new(number)
            for line in layers[name]:
                _draw(frame, line)
    target = Path(__file__).with_name("strokes.blend")
    bpy.ops.wm.save_as_mainfile(filepath=str(target), compress=True)
    target.with_suffix(".blend1").unlink(missing_ok=True)


def _draw(frame: Any, line: Line) -> None:
    """Adds a stroke in the preview's coordinates: origin in the middle, y up."""
    stroke = frame.strokes.new()
    stroke.display_mode = "2DSPACE"
    stroke.points.add(count=len(line))
    for point, (x, y) in zip(stroke.points, line, strict=True):
        point.co = (x - WIDTH / 2, HEIGHT / 2 - y, 0)


if __name__ == "__main__":
    main()
