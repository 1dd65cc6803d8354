"""Makes a movie of the rendered frames, as if recorded by a camera. Run by the engine's Python.

`python encode.py FOLDER MOVIE BACKGROUND` writes FOLDER/colour as MOVIE (H.264, with grain), and a background picture
for the composite.
"""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

GRAIN = 3.0
"""Standard deviation of the sensor noise, of 255."""
_BT709 = 1


def main(folder: Path, movie: Path, background: Path, rate: int = 24) -> None:
    """Writes both files, each complete or not at all."""
    files = sorted((folder / "colour").glob("[0-9]*.png"))
    images = [
        np.asarray(cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR))[..., ::-1].copy() for file in files
    ]
    part = movie.with_name("part-" + movie.name)
    chance = np.random.RandomState(11)
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "preset": "medium"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, rate)
        stream.codec_context.colorspace = _BT709
        stream.codec_context.color_primaries = stream.codec_context.color_trc = _BT709
        for number, image in enumerate(images):
            picture = av.VideoFrame.from_ndarray(_recorded(image, chance), format="rgb24")
            frame = picture.reformat(format="yuv420p", dst_colorspace=_BT709)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    os.replace(part, movie)
    height, width = images[0].shape[:2]
    done, data = cv2.imencode(".png", _backdrop(height, width))
    if not done:
        raise OSError(f"{background} cannot be written")
    data.tofile(background)


def _recorded(image: np.ndarray, chance: np.random.RandomState) -> np.ndarray:
    """Returns the picture with a lens's softness and vignetting, and sensor noise."""
    height, width = image.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    soft = cv2.GaussianBlur(image, (0, 0), 0.5).astype(np.float32)
    soft *= (1 - 0.12 * (x * x + y * y))[..., None]
    noise = chance.standard_normal((height, width, 1)) * GRAIN + chance.standard_normal((height, width, 3)) * GRAIN / 2
    return np.asarray(np.clip(soft + cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 0.6) * 1.5, 0, 255), np.uint8)


def _backdrop(height: int, width: int) -> np.ndarray:
    """Returns an evening sky (H, W, 3) BGR, unlike anything in the clip."""
    y = np.linspace(0, 1, height)[:, None, None]
    sky = (1 - y) * np.array([96, 40, 24]) + y * np.array([150, 120, 235])
    picture = np.broadcast_to(sky, (height, width, 3)).astype(np.float32).copy()
    chance = np.random.RandomState(3)
    for _ in range(9):
        centre = (int(chance.uniform(0, width)), int(chance.uniform(0, height)))
        glow = np.zeros((height, width, 3), np.float32)
        cv2.circle(glow, centre, int(chance.uniform(12, 60)), tuple(chance.uniform(20, 70, 3)), -1, cv2.LINE_AA)
        picture += cv2.GaussianBlur(glow, (0, 0), 3)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
