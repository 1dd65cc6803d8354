"""Small EXR, DPX, TGA and other pictures of real-world kinds; run as a script by the engine's Python.

usage: python pictures_kit.py FOLDER    writes them, and NAME.npy: (H, W, 4) uint8 that the engine reads from each
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

HEIGHT, WIDTH = 20, 40
PLAIN = ("R", "G", "B", "A")


def light(alpha: bool = True) -> np.ndarray:
    """Returns (H, W, 4 or 3) float32: shades, a highlight, and alpha multiplied in."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    colours = np.stack([x / 39, y / 19, (x + y) / 58], axis=-1) ** 2.2
    colours[0, :9] = 3.0
    if not alpha:
        return np.asarray(colours, np.float32)
    clear = np.clip(x / 30, 0.5, 1)[..., None]
    return np.concatenate([colours * clear, clear], axis=2).astype(np.float32)


def straight() -> np.ndarray:
    """Returns (H, W, 4) float32 in [0, 1]: colours with straight alpha."""
    return np.clip(np.concatenate([light(False), light()[..., 3:]], axis=2), 0, 1)


def flat(*values: float) -> np.ndarray:
    """Returns (H, W, channels) float32, the same everywhere."""
    return np.broadcast_to(np.array(values, np.float32), (HEIGHT, WIDTH, len(values))).copy()


def write(
    path: Path,
    values: np.ndarray,
    kind: str = "half",
    names: Sequence[str] = (),
    window: tuple[int, ...] = (),
    tile: int = 0,
    **attributes: Any,
) -> None:
    """Writes (H, W, channels) floats with OpenImageIO; `window`: left, top, and the whole picture's width, height."""
    parts(path, [("", values, names)], kind, window, tile, **attributes)


def parts(
    path: Path,
    pictures: Sequence[tuple[str, np.ndarray, Sequence[str]]],
    kind: str = "half",
    window: tuple[int, ...] = (),
    tile: int = 0,
    **attributes: Any,
) -> None:
    """Writes several parts, each given as (name, values, names of channels)."""
    import OpenImageIO as oiio

    specs = []
    for name, values, names in pictures:
        spec = oiio.ImageSpec(values.shape[1], values.shape[0], values.shape[2], kind)
        if names:
            spec.channelnames = tuple(names)
        if window:
            spec.x, spec.y, spec.full_width, spec.full_height = window
        spec.tile_width = spec.tile_height = tile
        for key, value in attributes.items():
            spec.attribute(key.replace("__", ":"), value)
        if name:
            spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    out = oiio.ImageOutput.create(str(path))
    assert out.open(str(path), specs if len(specs) > 1 else specs[0]), out.geterror()
    for number, (_, values, _) in enumerate(pictures):
        if number:
            assert out.open(str(path), specs[number], "AppendSubimage"), out.geterror()
        assert out.write_image(np.ascontiguousarray(values)), out.geterror()
    out.close()


def _layers(path: Path) -> None:
    names = [f"View.{layer}.{channel}" for layer in ("AO", "Combined") for channel in "RGB"]
    write(path, np.dstack([flat(0.1, 0.1, 0.1), light(False)]), names=names)


def _old_tga(path: Path) -> None:
    """Without the footer that says what alpha means, and from the bottom up."""
    pixels = np.rint(straight()[::-1, :, [2, 1, 0, 3]] * 255).astype(np.uint8)
    head = bytes((0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT, 0, 32, 8))
    path.write_bytes(head + pixels.tobytes())


def _cut(path: Path) -> None:
    """Cuts a picture out as `cutout composite --pictures exr` does."""
    from blender_cutout.core.clips.opening import open_clip
    from blender_cutout.core.export.film import FilmLook, write_film

    matte = np.clip(np.mgrid[:HEIGHT, :WIDTH][1] / 30, 0, 1).astype(np.float32)
    media = path.with_name("to cut.png")
    PICTURES["sixteen.png"](media)
    with open_clip(media) as clip:
        look, objects = FilmLook(pictures="exr"), {"cat": lambda frame: matte}
        for _ in write_film(clip, media, [0], lambda frame: matte, path.parent, look, objects=objects):
            pass
    path.with_name("000000.exr").rename(path)


PICTURES: dict[str, Callable[[Path], None]] = {
    "half.exr": lambda p: write(p, light()),
    "float.exr": lambda p: write(p, light(False), "float"),
    "tiles.exr": lambda p: write(p, light(), tile=16),
    "lossy.exr": lambda p: write(p, light(), compression="dwaa"),
    "b44.exr": lambda p: write(p, light(), compression="b44"),
    "window.exr": lambda p: write(p, light(), window=(5, 3, 80, 60)),
    "overscan.exr": lambda p: write(p, light(), window=(-5, -3, 30, 14)),
    "more.exr": lambda p: write(p, np.dstack([light(), flat(0.5)]), names=(*PLAIN, "cat")),
    "grey.exr": lambda p: write(p, light()[..., :1], names=("Y",)),
    "odd.exr": lambda p: write(p, flat(float("nan"), float("inf"), -0.5), "half"),
    "ten.dpx": lambda p: write(p, straight()[..., :3], "uint16", oiio__BitsPerSample=10),
    "log.dpx": lambda p: write(p, straight()[..., :3], "uint16", oiio__BitsPerSample=10, oiio__ColorSpace="KodakLog"),
    "sixteen.dpx": lambda p: write(p, np.clip(light(), 0, 1), "uint16"),
    "plain.tga": lambda p: write(p, straight()[..., :3], "uint8"),
    "clear.tga": lambda p: write(p, straight(), "uint8", oiio__UnassociatedAlpha=1, compression="rle"),
    "old.tga": _old_tga,
    "radiance.hdr": lambda p: write(p, light(False), "float"),
    "sixteen.png": lambda p: write(p, straight(), "uint16", oiio__UnassociatedAlpha=1),
    "cut.exr": _cut,
    "float.tif": lambda p: write(p, straight(), "float", oiio__UnassociatedAlpha=1),
}
LAYERED: dict[str, Callable[[Path], None]] = {
    "layers.exr": _layers,
    "two.exr": lambda p: write(
        p, np.dstack([light(False), flat(0.5, 0.6, 0.7)]), names=[f"{n}.{c}" for n in ("bg", "fg") for c in "RGB"]
    ),
    "mixed.exr": lambda p: write(p, np.dstack([light(), flat(0.5)]), names=(*PLAIN, "cat.A")),
    "depth-first.exr": lambda p: parts(p, [("depth", flat(0.9), "Z"), ("beauty", light(False), "RGB")]),
    "parts.exr": lambda p: parts(p, [("one", light(False), "RGB"), ("beauty", flat(0.2, 0.4, 0.6, 1), PLAIN)]),
}
"""Files with layers or parts that Blender 4.2 shows as empty."""


def main(folder: Path) -> None:
    """Writes all pictures."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from blender_cutout.core.clips.picture import read_alpha, read_picture

    for name, make in {**PICTURES, **LAYERED}.items():
        path = folder / name
        make(path)
        alpha = read_alpha(path)
        clear = np.ones((HEIGHT, WIDTH), np.float32) if alpha is None else alpha
        np.save(folder / f"{name}.npy", np.dstack([read_picture(path), np.rint(clear * 255).astype(np.uint8)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
