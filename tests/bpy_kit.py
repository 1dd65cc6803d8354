"""Helpers for tests inside Blender: an asymmetric clip with known mattes, layouts of its strip, expected pixels.

The layouts' geometry is written here a second time, as matrices, and shares nothing with `geometry/picture_map.py`:
each tests the other. No Blender is needed to import this, nor to make the clip's pictures.
"""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT, LENGTH = 240, 150, 12
"""Of the clip; every layout shows the whole of it."""
GREEN = (0.0, 0.6, 0.0)
FAKE_ENGINE = Path(__file__).parent / "blender_cutout" / "worker" / "fake_entry.py"


@dataclass(frozen=True)
class Layout:
    """The position of a strip in a scene.

    Attributes:
        start: timeline frame of its start; each layout has its own, so that one annotation serves them all.
    """

    start: int
    render: tuple[int, int]
    offset: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    degrees: float = 0.0
    origin: tuple[float, float] = (0.5, 0.5)
    flip: tuple[bool, bool] = (False, False)
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    aspect: tuple[float, float] = (1.0, 1.0)

    def matrix(self) -> np.ndarray:
        """3×3: source pixel (y down, top-left) → render pixel (y down, top-left)."""

        def shift(x: float, y: float) -> np.ndarray:
            return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)

        def stretch(x: float, y: float) -> np.ndarray:
            return np.diag([x, y, 1.0])

        turn = math.radians(-self.degrees)  # y points down here
        rotate = np.array([[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]])
        width, height = self.render
        pivot = (self.origin[0] * WIDTH, (1 - self.origin[1]) * HEIGHT)
        about = shift(*pivot) @ rotate @ stretch(*self.scale) @ shift(-pivot[0], -pivot[1])
        # Blender puts the unscaled picture in the middle in whole pixels, counted from the left and the bottom.
        left, bottom = math.trunc((width - WIDTH) / 2), math.trunc((height - HEIGHT) / 2)
        place = shift(left + self.offset[0], height - bottom - HEIGHT - self.offset[1])
        mirror = np.eye(3)
        if self.flip[0]:
            mirror = shift(width, 0) @ stretch(-1, 1) @ mirror
        if self.flip[1]:
            mirror = shift(0, height) @ stretch(1, -1) @ mirror
        return mirror @ place @ about

    def preview_point(self, x: float, y: float) -> tuple[float, float]:
        """Returns where the preview shows a source pixel: origin in the middle, y up, x times the pixel aspect."""
        u, v, _ = self.matrix() @ (x, y, 1)
        return (u - self.render[0] / 2) * self.aspect[0] / self.aspect[1], self.render[1] / 2 - v


LAYOUTS = {
    "plain": Layout(1, (WIDTH, HEIGHT)),
    "transformed": Layout(101, (321, 200), (21.0, -13.0), (0.9, 0.7), 20.0, (0.3, 0.6)),
    "flipped and cropped": Layout(
        201, (300, 220), (-17.0, 9.0), (1.1, 0.8), -25.0, (0.6, 0.35), (True, False), (30, 12, 20, 8)
    ),
    "upside down, wide pixels": Layout(
        301, (260, 181), (5.0, 4.0), (0.8, 1.05), 10.0, flip=(False, True), aspect=(1.5, 1.0)
    ),
}
_ENCODE = """
import sys, av, numpy as np
pictures = np.load(sys.argv[2])
with av.open(sys.argv[1], "w") as container:
    stream = container.add_stream("ffv1", rate=24)
    stream.height, stream.width = pictures.shape[1:3]
    stream.pix_fmt = "bgr0"
    for picture in pictures:
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
    container.mux(stream.encode())
"""
STROKE_FRAME = 4
"""Clip frame with the strokes."""


def object_at(frame: int) -> tuple[int, int]:
    """Returns the top-left corner of the object."""
    return 60 + 6 * frame, 40 + 2 * frame


def truth(frame: int) -> np.ndarray:
    """Returns the object's matte (H, W): a thick L with unequal legs, which reveals any mirroring or rotation."""
    x, y = object_at(frame)
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[y : y + 60, x : x + 18] = 1
    matte[y + 42 : y + 60, x : x + 44] = 1
    return matte


def picture(frame: int) -> np.ndarray:
    """Returns the clip's frame (H, W, 3) uint8: a smooth asymmetric background, the object in red."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    image = np.stack([40 + 0 * x, 60 + x * 0.5, 90 + y * 0.9], axis=-1).astype(np.uint8)
    image[truth(frame) > 0.5] = (220, 40, 40)
    return image


def strokes() -> dict[str, list[list[tuple[float, float]]]]:
    """Returns layer → strokes in source pixels, on STROKE_FRAME: sloppy, but all inside their targets."""
    x, y = object_at(STROKE_FRAME)
    keep = [[(x + 7.0, y + 8.0), (x + 9.5, y + 30.0), (x + 10.0, y + 50.0), (x + 36.0, y + 52.0)]]
    return {"Cutout +": keep, "Cutout -": [[(x + 40.0, y + 10.0), (x + 60.0, y + 22.0)]]}


def write_clip(folder: Path) -> list[Path]:
    """Writes the clip as PNG files and returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"klipp {n:04d}.png" for n in range(LENGTH)]
    for n, file in enumerate(files):
        write_png(file, picture(n))
    return files


def write_png(path: Path, image: np.ndarray) -> None:
    """Writes (H, W, 3) or (H, W) uint8 as PNG with the standard library only."""
    height, width = image.shape[:2]
    rows = image.reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if image.ndim == 3 else 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )


def write_movie(path: Path, pictures: list[np.ndarray]) -> None:
    """Writes (H, W, 3) uint8 pictures as a movie at 24 frames per second, with the engine's Python."""
    np.save(path.with_suffix(".npy"), np.stack(pictures))
    subprocess.run([engine_python(), "-c", _ENCODE, str(path), str(path.with_suffix(".npy"))], check=True)


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Samples (H, W, C) bilinearly at pixel positions (centres at .5); 0 outside."""
    x, y = x - 0.5, y - 0.5
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]

    def at(xx: np.ndarray, yy: np.ndarray) -> np.ndarray:
        inside = (xx >= 0) & (xx < image.shape[1]) & (yy >= 0) & (yy < image.shape[0])
        return image[np.clip(yy, 0, image.shape[0] - 1), np.clip(xx, 0, image.shape[1] - 1)] * inside[..., None]

    return (at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx) * (1 - fy) + (
        at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx
    ) * fy


def composite(layout: Layout, image: np.ndarray, matte: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the expected render: (h, w, 3) and its alpha (h, w), in [0, 1], over GREEN.

    Args:
        layout: the strip's.
        image: (H, W, 3) uint8 source.
        matte: (H, W) in [0, 1].
    """
    width, height = layout.render
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    back = np.linalg.inv(layout.matrix())
    x, y, _ = np.einsum("ij,jhw->ihw", back, np.stack([u, v, np.ones_like(u)]))
    left, right, bottom, top = layout.crop
    inside = (x >= left) & (x < WIDTH - right) & (y >= top) & (y < HEIGHT - bottom)
    # Picture and mask are laid into the frame one by one, then multiplied: as Blender does.
    colour = sample(np.dstack([image / 255.0, np.ones((HEIGHT, WIDTH))]), x, y) * inside[..., None]
    alpha = sample(matte[..., None], x, y)[..., 0] * inside
    cut = colour * alpha[..., None]
    return cut[..., :3] + (1 - cut[..., 3:]) * GREEN, cut[..., 3]


# ------------------------------------------------------------------------------------------- with Blender


def fresh_scene(bpy: Any, layout: Layout | None = None) -> Any:
    """Empties the file and returns its scene, set up for exact colours at the layout's size."""
    from blender_cutout.host import compat

    scene = bpy.context.scene
    render = scene.render
    if layout:
        render.resolution_x, render.resolution_y = layout.render
        render.pixel_aspect_x, render.pixel_aspect_y = layout.aspect
    render.resolution_percentage, render.fps = 100, 24
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"
    render.dither_intensity = 0
    if scene.sequence_editor is None:
        scene.sequence_editor_create()
    compat.ensure_sequencer_scene(scene)
    return scene


def add_strip(scene: Any, files: list[Path], layout: Layout, channel: int = 2) -> Any:
    """Adds the clip to the scene over a green strip, and selects it."""
    from blender_cutout.host import compat

    strips = compat.strips(scene.sequence_editor)
    length = {"length": LENGTH} if not compat.BEFORE_5_0 else {"frame_end": layout.start + LENGTH}
    if not any(s.type == "COLOR" for s in strips):
        green = strips.new_effect("green", "COLOR", 1, layout.start, **length)
        green.color = GREEN
    strip = strips.new_image("clip", str(files[0]), channel, layout.start)
    for file in files[1:]:
        strip.elements.append(file.name)
    place(strip, layout)
    scene.sequence_editor.active_strip = strip
    return strip


def place(strip: Any, layout: Layout) -> None:
    """Gives the strip the layout's transform."""
    transform = strip.transform
    transform.offset_x, transform.offset_y = layout.offset
    transform.scale_x, transform.scale_y = layout.scale
    transform.rotation, transform.origin = math.radians(layout.degrees), layout.origin
    strip.use_flip_x, strip.use_flip_y = layout.flip
    strip.crop.min_x, strip.crop.max_x, strip.crop.min_y, strip.crop.max_y = layout.crop


def load_picture(bpy: Any, path: Path) -> np.ndarray:
    """Returns a picture's values (h, w, 3) in [0, 1], top row first, as stored in the file."""
    image = bpy.data.images.load(str(path), check_existing=False)
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, 4)[::-1, :, :3].copy()


def render_frame(bpy: Any, scene: Any, frame: int, folder: Path) -> np.ndarray:
    """Renders a timeline frame of the sequencer with Blender's own render: (h, w, 3) in [0, 1].

    Older Blenders never write the last pixel of a Mask (findings/blender_mask_last_pixel.sh): its neighbour stands in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scene.frame_start = scene.frame_end = frame
    scene.render.filepath = str(folder) + "/"
    bpy.ops.render.render(animation=True, scene=scene.name)
    picture = load_picture(bpy, folder / f"{frame:04d}.png")
    if bpy.app.version < (5, 2):
        picture[0, -1] = picture[0, -2]
    return picture


def engine_python() -> str:
    """Returns the Python that runs the engine in tests: CUTOUT_PYTHON, or this one."""
    import os

    return os.environ.get("CUTOUT_PYTHON") or sys.executable


def fake_engine(*arguments: str) -> list[str]:
    """Returns the command of an engine with the fake networks."""
    from blender_cutout.client.process import worker_command

    return [*worker_command(engine_python(), FAKE_ENGINE), *arguments]
