"""Draws the contact sheet of the worst results: picture with strokes, truth, result with errors. numpy and OpenCV only.

In the result, missing parts are red and extra parts blue; correct parts keep the picture's colours, and the background
is darkened. Truth and result are zoomed in on the object and its mask; a frame in the picture shows where.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.types import Label, Stroke

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.types import Image, Matte

CELL_WIDTH = 360
_MARGIN = 6
_CAPTION = 22
_TRUTH, _MISSING, _EXTRA = (60, 220, 90), (255, 30, 30), (40, 110, 255)
_KEEP, _REMOVE = (40, 255, 60), (255, 40, 40)
_LEGEND = "picture | truth | result: missing red, extra blue"


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the sheet."""

    name: str
    text: str
    image: Image
    truth: NDArray[np.bool_]
    matte: Matte
    strokes: tuple[Stroke, ...] = ()
    counted: NDArray[np.bool_] | None = None


class Worst:
    """Keeps the rows with the lowest scores, as small pictures; only a few per name, so that no clip fills the sheet.

    Args:
        limit: rows in total.
        each: rows per name.
    """

    def __init__(self, limit: int = 12, each: int = 3) -> None:
        self._limit = limit
        self._each = each
        self._rows: list[tuple[float, str, Image]] = []

    def offer(self, score: float, row: Row) -> None:
        """Adds a row if it is among the worst."""
        same = [entry for entry in self._rows if entry[1] == row.name]
        if len(same) >= self._each:
            best = max(same, key=lambda entry: entry[0])
            if score >= best[0]:
                return
            self._rows.remove(best)
        elif len(self._rows) >= self._limit and score >= self._rows[-1][0]:
            return
        self._rows.append((score, row.name, _drawn(row)))
        self._rows.sort(key=lambda entry: entry[:2])
        del self._rows[self._limit :]

    def sheet(self) -> Image | None:
        """Returns all rows, worst first, as one picture (H, W, 3) uint8; None if there are none."""
        if not self._rows:
            return None
        return np.concatenate([picture for _, _, picture in self._rows])


def _drawn(row: Row) -> Image:
    mask = row.matte > 0.5
    counted = np.ones_like(mask) if row.counted is None else row.counted
    height, width = mask.shape
    scale = CELL_WIDTH / width
    size = (CELL_WIDTH, max(1, round(height * scale)))
    x0, y0, x1, y1 = _near(row.truth | mask)

    def fitted(picture: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))

    image = fitted(row.image[y0:y1, x0:x1])
    truth, found, missing, extra = (
        fitted(region[y0:y1, x0:x1].astype(np.float32))
        for region in (row.truth, mask, row.truth & ~mask & counted, mask & ~row.truth & counted)
    )
    whole = _strokes(fitted(row.image), row.strokes, scale)
    if (x1 - x0, y1 - y0) != (width, height):
        corners = [(round(x * scale), round(y * scale)) for x, y in ((x0, y0), (x1 - 1, y1 - 1))]
        cv2.rectangle(whole, corners[0], corners[1], (255, 255, 255), 1)
    result = _tinted(_tinted(_dimmed(image, found), missing, _MISSING), extra, _EXTRA)
    cells = [
        whole,
        _outlined(_tinted(_dimmed(image, truth), truth, _TRUTH, 0.45), truth),
        _outlined(result, found),
    ]
    gap = np.full((size[1], _MARGIN, 3), 24, np.uint8)
    line = np.concatenate([part for cell in cells for part in (cell, gap)], axis=1)
    caption = np.full((_CAPTION, line.shape[1], 3), 24, np.uint8)
    _write(caption, f"{row.name}  {row.text}", _MARGIN, (235, 235, 235))
    _write(caption, _LEGEND, 2 * (CELL_WIDTH + _MARGIN), (150, 150, 150))
    return np.concatenate([caption, line])


def _near(region: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Returns a window (x0, y0, x1, y1) around a region (H, W), with the picture's shape, at least a third as wide."""
    height, width = region.shape
    columns, rows = np.flatnonzero(region.any(axis=0)), np.flatnonzero(region.any(axis=1))
    if not len(columns):
        return 0, 0, width, height
    share = 1.5 * max((columns[-1] + 1 - columns[0]) / width, (rows[-1] + 1 - rows[0]) / height)
    share = float(np.clip(share, 1 / 3, 1.0))
    wide, tall = round(width * share), round(height * share)
    x = int(np.clip((columns[0] + columns[-1] - wide) // 2, 0, width - wide))
    y = int(np.clip((rows[0] + rows[-1] - tall) // 2, 0, height - tall))
    return x, y, x + wide, y + tall


def _write(picture: Image, text: str, x: int, colour: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain, (x, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def _dimmed(image: Image, matte: NDArray[Any]) -> Image:
    """Returns the picture, darker outside the matte."""
    return np.asarray(image * (0.4 + 0.6 * matte[..., None]), np.uint8)


def _tinted(image: Image, matte: NDArray[Any], colour: tuple[int, int, int], strength: float = 0.75) -> Image:
    """Returns the picture with a colour over the matte."""
    alpha = strength * matte[..., None]
    return np.asarray(image + alpha * (np.array(colour) - image), np.uint8)


def _outlined(image: Image, matte: NDArray[Any]) -> Image:
    contours, _ = cv2.findContours((matte > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, (255, 255, 255), 1)
    return image


def _strokes(image: Image, strokes: tuple[Stroke, ...], scale: float) -> Image:
    for stroke in strokes:
        colour = _KEEP if stroke.label is Label.KEEP else _REMOVE
        points = np.round(np.asarray(stroke.points) * scale).astype(np.int32)
        width = max(2, round(2 * stroke.radius * scale))
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, width, cv2.LINE_AA)
        cv2.circle(image, (int(points[0][0]), int(points[0][1])), max(1, width // 2), colour, -1, cv2.LINE_AA)
    return image
