"""Tests that Blender's own Cryptomatte node gets back the mattes of films that are written with one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import bpy_kit as kit
import numpy as np
import pytest

pytestmark = pytest.mark.bpy

HEIGHT, WIDTH = 24, 40
NAMES = ("Cat", "Größe", "3d.object", "object 259", "e")
"""Of the fourth the hash is no normal float, so a bit of it is changed."""


def mattes() -> dict[str, np.ndarray]:
    """Soft mattes of overlapping objects, (H, W) float32 with a sum of at most 1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    waves = [np.clip(np.sin(x / (n + 3) + n) * np.cos(y / (9 - n)), 0, 1) for n in range(len(NAMES))]
    total = np.maximum(1, np.sum(waves, axis=0)) * np.float32(1.0001)
    return {name: np.asarray(wave / total, np.float32) for name, wave in zip(NAMES, waves, strict=True)}


def write(target: Path) -> None:
    """Writes a film of one picture in the engine's Python."""
    sys.path[:0] = [str(Path(__file__).parents[3])]
    from blender_cutout.core.clips.opening import open_clip
    from blender_cutout.core.export.film import FilmLook, write_film

    kit.write_png(target.with_name("clip.png"), np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    found = mattes()
    readers = {name: lambda frame, name=name: found[name] for name in NAMES}
    with open_clip(target.with_name("clip.png")) as clip:
        look = FilmLook(pictures="exr-cryptomatte")
        for _ in write_film(clip, Path(), [0], lambda frame: sum(found.values()), target, look, objects=readers):
            pass


def test_the_cryptomatte_node_finds_each_object(blender: Any, tmp_path: Path) -> None:
    paths = [str(Path(__file__).parent), str(Path(kit.__file__).parent)]
    code = (
        f"import sys; sys.path[:0] = {paths!r}\nfrom {Path(__file__).stem} import Path, write\nwrite(Path(sys.argv[1]))"
    )
    subprocess.run([kit.engine_python(), "-c", code, str(tmp_path / "film")], check=True)
    scene = kit.fresh_scene(blender)
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.use_sequencer = False
    picture = blender.data.images.load(str(tmp_path / "film" / "000000.exr"))
    for name, expected in mattes().items():
        found = matte_of(blender, scene, picture, name, tmp_path / "m")
        assert np.abs(found - expected).max() < 1e-3, name


def matte_of(bpy: Any, scene: Any, picture: Any, name: str, folder: Path) -> np.ndarray:
    """Returns what the node cuts out for an object, (H, W)."""
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group = bpy.data.node_groups.new("c", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        out = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        out = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeCryptomatteV2")
    node.source, node.image = "IMAGE", picture
    assert node.layer_name == "CryptoObject"
    node.matte_id = name
    tree.links.new(node.outputs["Matte"], out.inputs[0])
    settings = scene.render.image_settings
    settings.file_format, settings.color_depth, settings.color_mode = "OPEN_EXR", "32", "RGB"
    scene.render.filepath = str(folder / "m.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels[:], np.float32).reshape(HEIGHT, WIDTH, -1)[::-1, :, 0]
    bpy.data.images.remove(image)
    return pixels
