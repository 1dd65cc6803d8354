"""The contact sheet of the worst results: picture, truth, result, side by side. numpy and OpenCV only."""

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
_TRUTH, _RESULT, _KEEP, _REMOVE = (60, 220, 90), (255, 120, 30), (40, 255, 60), (255, 40, 40)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One line of the sheet."""

    name: str
    text: str
    image: Image
    truth: NDArray[np.bool_]
    matte: Matte
    strokes: tuple[Stroke, ...] = ()


class Worst:
    """Keeps the rows with the lowest scores, as small pictures; few for each name, so that no clip fills the sheet.

    Args:
        limit: rows in all.
        each: rows for each name.
    """

    def __init__(self, limit: int = 12, each: int = 3) -> None:
        self._limit = limit
        self._each = each
        self._rows: list[tuple[float, str, Image]] = []

    def offer(self, score: float, row: Row) -> None:
        """Adds a row if it belongs to the worst."""
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
        """All rows, the worst first, as one picture (H, W, 3) uint8; None when there are none."""
        if not self._rows:
            return None
        return np.concatenate([picture for _, _, picture in self._rows])


def _drawn(row: Row) -> Image:
    scale = CELL_WIDTH / row.image.shape[1]
    size = (CELL_WIDTH, max(1, round(row.image.shape[0] * scale)))
    image = cv2.resize(row.image, size, interpolation=cv2.INTER_AREA)
    truth = cv2.resize(row.truth.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    matte = cv2.resize(row.matte, size, interpolation=cv2.INTER_AREA)
    cells = [_strokes(image.copy(), row.strokes, scale), _tinted(image, truth, _TRUTH), _tinted(image, matte, _RESULT)]
    gap = np.full((size[1], _MARGIN, 3), 24, np.uint8)
    line = np.concatenate([part for cell in cells for part in (cell, gap)], axis=1)
    caption = np.full((_CAPTION, line.shape[1], 3), 24, np.uint8)
    text = f"{row.name}  {row.text}   (picture, truth, result)".encode("ascii", "replace").decode()
    cv2.putText(caption, text, (_MARGIN, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (230, 230, 230), 1, cv2.LINE_AA)
    return np.concatenate([caption, line])


def _tinted(image: Image, matte: NDArray[Any], colour: tuple[int, int, int]) -> Image:
    """The object in colour, the rest darker."""
    alpha = matte[..., None]
    inside, outside = 0.55 * image + 0.45 * np.array(colour), 0.45 * image
    out = np.asarray(outside + alpha * (inside - outside), np.uint8)
    contours, _ = cv2.findContours((matte > 0.5).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(out, contours, -1, (255, 255, 255), 1)
    return out


def _strokes(image: Image, strokes: tuple[Stroke, ...], scale: float) -> Image:
    for stroke in strokes:
        colour = _KEEP if stroke.label is Label.KEEP else _REMOVE
        points = np.round(np.asarray(stroke.points) * scale).astype(np.int32)
        width = max(2, round(2 * stroke.radius * scale))
        cv2.polylines(image, [points.reshape(-1, 1, 2)], False, colour, width, cv2.LINE_AA)
        cv2.circle(image, (int(points[0][0]), int(points[0][1])), max(1, width // 2), colour, -1, cv2.LINE_AA)
    return image
