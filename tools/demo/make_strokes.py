"""Writes strokes.blend, with Blender 4.2: 4.3 to 5.1 cannot make strokes by script, and 4.2 reads no newer file.

`python3.11 -m venv v && v/bin/pip install 'bpy==4.2.*' && v/bin/python tools/demo/make_strokes.py`. Drawn by eye on two
frames of the clip, quickly, as an artist does: some along the animal, some beside it.
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
            [(22, 112), (48, 136), (78, 158), (112, 172), (152, 180), (196, 172), (232, 158), (256, 130), (290, 136)],
            [(104, 196), (92, 228), (76, 262)],
            [(128, 206), (146, 236), (166, 270)],
            [(242, 186), (226, 218), (213, 254)],
        ],
        "Cutout -": [
            [(36, 292), (112, 298), (196, 288), (268, 262), (318, 232), (334, 168), (330, 110)],
            [(86, 128), (134, 118), (186, 104), (226, 88)],
        ],
    },
    37: {
        "Cutout +": [
            [(454, 142), (426, 118), (398, 132), (378, 162), (372, 206), (362, 240)],
            [(408, 196), (428, 232), (444, 282)],
            [(344, 172), (346, 206), (350, 250)],
            [(322, 104), (336, 118)],
        ],
        "Cutout -": [
            [(286, 60), (280, 150), (284, 250), (318, 290), (400, 268), (418, 300)],
            [(484, 108), (492, 158), (470, 212), (486, 262)],
        ],
    },
}
_COLOURS = {"Cutout +": (0.1, 1.0, 0.1), "Cutout -": (1.0, 0.1, 0.1)}


def main() -> None:
    """Writes the file beside this one."""
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
    """A stroke in the preview's own coordinates: origin in the middle, y up."""
    stroke = frame.strokes.new()
    stroke.display_mode = "2DSPACE"
    stroke.points.add(count=len(line))
    for point, (x, y) in zip(stroke.points, line, strict=True):
        point.co = (x - WIDTH / 2, HEIGHT / 2 - y, 0)


if __name__ == "__main__":
    main()
