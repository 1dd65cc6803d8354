"""Makes one clip: a seed's scene, its masks and its pictures. Needs bpy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray

from . import occluders, stage, view
from .bodies import add_body, key_path
from .looks import IDS, Looks, show_masks

SIZES = ((384, 216), (320, 184), (288, 216), (256, 256), (256, 304), (352, 200))
"""Widths and heights of clips."""

SAMPLES, BLURRED_SAMPLES = 3, 2
"""Rays per pixel without and with motion blur; the latter are denoised."""


UNKNOWN = 255
"""Value in a mask for what is an object's as much as it is not."""

UNSURE = 0.12
"""Distance from half the light that smoke lets through, within which a pixel is unknown."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A built scene: number of frames, number of objects, and each frame's exposure in stops."""

    frames: int
    objects: int
    exposures: list[float]


def build(
    seed: Sequence[int], pictures: Sequence[Path], frames: int, sizes: tuple[tuple[int, int], ...] = SIZES
) -> Scene:
    """Empties Blender and makes a clip's scene; the same seed makes the same.

    Args:
        seed: of all randomness.
        pictures: photographs that serve as textures.
        frames: of the clip; they run from 0.
        sizes: widths and heights to choose from.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    chance = np.random.default_rng(list(seed))
    grounded = chance.random() < 0.5
    seen = view.random_view(chance, sizes, grounded)
    looks = Looks(chance, pictures, float(chance.uniform(0.25, 0.8)))
    prepare(seen, chance, frames)
    stage.add_surroundings(seen, looks, grounded)
    stage.add_light(looks, frames)
    stage.add_camera(seen, chance, frames)
    count = _add_things(seen, looks, frames, grounded)
    for _ in range(int(chance.choice(3, p=(0.45, 0.45, 0.1)))):
        occluders.add_occluder(str(chance.choice(occluders.KINDS)), seen, looks, frames)
    return Scene(frames, count, stage.exposures(chance, frames))


def prepare(seen: view.View, chance: np.random.Generator, frames: int) -> None:
    """Sets the scene up: size, renderer, motion blur, world."""
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.threads_mode, render.threads = "FIXED", 1
    render.use_persistent_data = True
    render.resolution_x, render.resolution_y, render.resolution_percentage = seen.width, seen.height, 100
    render.use_motion_blur = bool(chance.random() < 0.65)
    render.motion_blur_shutter = float(chance.uniform(0.2, 0.6))
    render.use_compositing = render.use_sequencer = False
    render.dither_intensity = 0.5
    scene.frame_start, scene.frame_end = 0, frames - 1
    cycles.device, cycles.seed, cycles.use_animated_seed = "CPU", int(chance.integers(2**31)), True
    cycles.use_adaptive_sampling = cycles.use_denoising = cycles.use_light_tree = False
    cycles.denoiser, cycles.denoising_input_passes = "OPENIMAGEDENOISE", "RGB"
    cycles.denoising_quality, cycles.denoising_prefilter = "FAST", "NONE"
    cycles.max_bounces, cycles.transparent_max_bounces = 0, 24
    cycles.min_transparent_bounces = 24  # else a ray ends in smoke by chance, and masks are dusty
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.view_settings.view_transform = "Standard"
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes.clear()
    output = world.node_tree.nodes.new("ShaderNodeOutputWorld")
    background = world.node_tree.nodes.new("ShaderNodeBackground")
    background.name = "background"
    world.node_tree.links.new(background.outputs[0], output.inputs["Surface"])
    world.cycles_visibility.diffuse = world.cycles_visibility.glossy = False
    world["colour"] = [*chance.uniform(0.05, 0.8, 3), 1.0]


def _add_things(seen: view.View, looks: Looks, frames: int, grounded: bool) -> int:
    """Adds one to three groups of similar things, two to five in total; returns how many."""
    chance = looks.chance
    wanted = int(chance.choice((2, 3, 4, 5), p=(0.4, 0.3, 0.2, 0.1)))
    number = 0
    while number < wanted:
        like = min(int(chance.choice((1, 2, 3), p=(0.4, 0.4, 0.2))), wanted - number)
        kind = str(chance.choice(("shape", "figure", "blob"), p=(0.5, 0.28, 0.22)))
        seed, material = int(chance.integers(2**31)), looks.surface()
        share = float(np.clip(np.exp(chance.normal(-0.4 if kind == "figure" else -0.65, 0.35)), 0.2, 1.0))
        level, depth = float(chance.uniform(-0.35, 0.35)), float(chance.uniform(view.NEAREST, 7.0))
        crosses = like > 1 and chance.random() < 0.75
        twins = chance.random() < 0.6
        for i in range(like):
            number += 1
            path = view.crossing(chance, frames, i, level, depth) if crosses else None
            path = _way(seen, looks, frames, share) if path is None else path
            size = share * seen.half(float(path[:, 2].mean()))[1]
            phase = float(chance.uniform(0, 6.28))
            thing, parts = add_body(kind, seed + (0 if twins else i), phase, material, frames)
            for part in parts:
                part.pass_index = number
            stands = grounded and (kind == "figure" or chance.random() < 0.6)
            _move(thing, seen, chance, path, size, stands)
            if chance.random() < 0.08:
                occluders.add_smoke(seen, looks, path, size, frames)
    return number


def _way(seen: view.View, looks: Looks, frames: int, share: float) -> view.Path:
    """Returns how a thing moves, and adds whatever hides it on its way."""
    chance = looks.chance
    kind = chance.random()
    if kind < 0.15:
        return view.leaving(chance, frames, share)
    if kind < 0.35:
        path, board = view.passing(chance, frames)
        occluders.add_board(seen, looks, board, share * seen.half(board[2])[1])
        return path
    return view.wander(chance, frames, float(np.exp(chance.normal(-0.6, 0.7))))


def _move(thing: Any, seen: view.View, chance: np.random.Generator, path: view.Path, size: float, stands: bool) -> None:
    """Keys a thing along its path; a standing one stays on the floor and turns only about the vertical axis."""
    time = view.times(len(path) - 2)
    begin, spin = chance.uniform(0, 6.28, 3), chance.normal(0, 0.9, 3)
    if stands:
        begin[:2] = spin[:2] = 0
        hop = float(chance.uniform(0, 0.3)) * size
        places = []
        for moment, (across, _, depth) in zip(time, path, strict=True):
            x, y, z = seen.on_floor(across, depth)
            places.append((x, y, z + 0.85 * size + hop * abs(np.sin(6 * moment))))
    else:
        places = [seen.place(*place) for place in path]
    turns = [begin + spin * moment for moment in time]
    key_path(thing, places, turns, (size, size, size))


def render_masks(scene: Scene, folder: Path) -> list[NDArray[np.uint8]]:
    """Returns the masks (H, W) of ids of all frames; the middle of the shutter counts, without blur.

    A pixel is an object's where the ray through its centre meets it first, unless smoke hides half of it; `UNKNOWN`
    where smoke hides about half.

    Args:
        scene: what `build` made.
        folder: for a temporary file.
    """
    render, cycles = bpy.context.scene.render, bpy.context.scene.cycles
    blurred, render.use_motion_blur, cycles.use_denoising = render.use_motion_blur, False, False
    cycles.samples, cycles.pixel_filter_type, cycles.filter_width = 1, "BOX", 0.01
    _background((0.0, 1.0, 0.0, 1.0))
    show_masks(True)
    _file_format("OPEN_EXR", "RGB", "32")
    masks = []
    for frame in range(scene.frames):
        pixels = _pixels(_render(frame, folder / "ids.exr"))
        through = pixels[..., 1]
        ids = np.rint(pixels[..., 0] / np.maximum(through, 1e-6) * IDS)
        mask = np.where(through >= 0.5, ids, 0)
        mask[(ids > 0) & (np.abs(through - 0.5) < UNSURE)] = UNKNOWN
        masks.append(mask.astype(np.uint8))
    (folder / "ids.exr").unlink()
    show_masks(False)
    render.use_motion_blur = blurred
    cycles.filter_width, cycles.pixel_filter_type = 1.5, "BLACKMAN_HARRIS"
    return masks


def render_pictures(scene: Scene, folder: Path) -> list[NDArray[np.uint8]]:
    """Writes the pictures as 00000.jpg and so on, and returns them (H, W, 3) as they are in the files."""
    blurred = bpy.context.scene.render.use_motion_blur
    cycles = bpy.context.scene.cycles
    cycles.samples, cycles.use_denoising = (BLURRED_SAMPLES, True) if blurred else (SAMPLES, False)
    _background(tuple(bpy.context.scene.world["colour"]))
    _file_format("JPEG", "RGB", "8")
    bpy.context.scene.render.image_settings.quality = 92
    pictures = []
    for frame in range(scene.frames):
        bpy.context.scene.view_settings.exposure = scene.exposures[frame]
        path = _render(frame, folder / f"{frame:05d}.jpg")
        pictures.append(np.rint(255 * np.clip(_pixels(path), 0, 1)).astype(np.uint8))
    return pictures


def _background(colour: tuple[float, ...]) -> None:
    bpy.context.scene.world.node_tree.nodes["background"].inputs["Color"].default_value = colour


def _file_format(kind: str, mode: str, depth: str) -> None:
    settings = bpy.context.scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = kind, mode, depth


def _render(frame: int, path: Path) -> Path:
    bpy.context.scene.frame_set(frame)
    bpy.context.scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    return path


def _pixels(path: Path) -> NDArray[np.float32]:
    """Returns a picture file's values (H, W, 3), the top row first."""
    image = bpy.data.images.load(str(path), check_existing=False)
    wide, tall = image.size
    flat = np.empty(wide * tall * 4, np.float32)
    image.pixels.foreach_get(flat)
    bpy.data.images.remove(image)
    return flat.reshape(tall, wide, 4)[::-1, :, :3]
