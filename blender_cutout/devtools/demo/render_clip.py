"""Renders the demo's clip and its truth, with a Blender's Python: `python render_clip.py FOLDER`, or `blender -b -P`.

FOLDER/colour gets the frames, FOLDER/truth the animal's exact coverage of each pixel, both as %04d.png from 0. Existing
frames are kept, so an interrupted rendering continues.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import bpy

from blender_cutout.devtools.demo import scene as film
from blender_cutout.devtools.progress_lines import progress


def main(folder: Path) -> None:
    """Renders all missing frames."""
    scene = film.build()
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth, settings.compression = "PNG", "RGB", "8", 15
    _frames(scene, folder / "colour", "Rendering the clip")
    _truth_settings(scene)
    settings.color_mode = "BW"
    _frames(scene, folder / "truth", "Rendering its true masks")


def _frames(scene: Any, folder: Path, what: str) -> None:
    """Renders the missing frames of one folder, each complete or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(film.FRAMES):
        target = folder / f"{frame:04d}.png"
        if not target.exists():
            progress(what, frame + 1, film.FRAMES)
            scene.frame_set(frame)
            part = folder / f"part-{frame:04d}.png"
            scene.render.filepath = str(part)
            bpy.ops.render.render(write_still=True, scene=scene.name)
            part.replace(target)


def _truth_settings(scene: Any) -> None:
    """Makes everything black and the animal white, in the same motion: a pixel's value is its coverage."""
    material = bpy.data.materials.new("truth")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    index, glow, output = (
        nodes.new(kind) for kind in ("ShaderNodeObjectInfo", "ShaderNodeEmission", "ShaderNodeOutputMaterial")
    )
    links.new(index.outputs["Object Index"], glow.inputs["Strength"])
    links.new(glow.outputs["Emission"], output.inputs["Surface"])
    scene.view_layers[0].material_override = material
    scene.world = None
    for lamp in [item for item in scene.objects if item.type == "LIGHT"]:
        bpy.data.objects.remove(lamp)
    scene.view_settings.view_transform = "Raw"
    scene.cycles.use_denoising, scene.cycles.samples = False, 4
    scene.render.dither_intensity = 0


if __name__ == "__main__":
    main(Path(sys.argv[-1]))
