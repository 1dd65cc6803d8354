"""Writes the pictures of a film into a folder, each under a temporary name and verified before it is renamed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..atomic import unused_name, write
from ..errors import store_errors
from . import cryptomatte, deep
from .readback import check_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..types import Matte


@dataclass(frozen=True, slots=True)
class PictureFiles:
    """The pictures of a film in a folder.

    Attributes:
        folder: where they go.
        kind: of the files, see `deep.PICTURES`.
        aspect: width of a pixel divided by its height, which EXR keeps.
        objects: mattes of a clip frame by name, which become channels of EXR.
    """

    folder: Path
    kind: str
    aspect: Fraction
    objects: Mapping[str, Callable[[int], Matte]]

    def path(self, frame: int) -> Path:
        """Returns the file of a clip frame."""
        return self.folder / f"{frame:06d}{deep.PICTURES[self.kind]}"

    def write(self, frame: int, picture: NDArray[Any]) -> None:
        """Writes and compares a picture (H, W, 3 or 4), uint8 for 8-bit PNG and float32 otherwise.

        Raises:
            StoreError: it cannot be written, or is not what was written.
        """
        path = self.path(frame)
        part = unused_name(path)
        if path.suffix == ".exr":
            part = part.with_name(f"{part.name}.exr")  # OpenImageIO goes by the ending
        with store_errors(path):
            try:
                if path.suffix == ".exr":
                    self._write_exr(part, path, frame, picture)
                else:
                    result = picture if self.kind == "png" else deep.in_16_bits(picture)
                    write(part, png(result))
                    check_picture(part, path, result)
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def _write_exr(self, part: Path, path: Path, frame: int, picture: NDArray[Any]) -> None:
        straight = self.kind == "exr-straight"
        channels: list[str]
        values: NDArray[Any]
        attributes = {}
        found = {name: matte_of(frame) for name, matte_of in self.objects.items()}
        if self.kind == deep.CRYPTOMATTE and found:
            channels, values = deep.exr_channels(picture, straight, {})
            ranks, floats = cryptomatte.channels(found)
            channels, values = channels + ranks, np.dstack([values.astype(np.float32), floats])
            attributes = cryptomatte.attributes(found)
        else:
            names = deep.channel_names(self.objects)
            channels, values = deep.exr_channels(picture, straight, {names[name]: found[name] for name in found})
        note = "Linear Rec.709"
        if "A" in channels:
            note += f", colours {'not ' if straight else ''}multiplied by alpha"
        deep.write_exr(part, path, channels, values, float(self.aspect), note, attributes)


def png(picture: NDArray[Any]) -> bytes:
    """Returns a PNG of a picture (H, W, 3 or 4) uint8 or uint16."""
    order = cv2.COLOR_RGBA2BGRA if picture.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, order), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return bytes(data.tobytes())
