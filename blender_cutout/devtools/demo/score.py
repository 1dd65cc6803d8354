"""Scores the cutout against the rendered truth, and draws a contact sheet. Run by the engine's Python.

`python score.py JOB.json`, with the keys of `launch.py` and the results of `edit.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import cv2
import numpy as np

from blender_cutout.core.clips.opening import open_clip
from blender_cutout.devtools.progress_lines import give
from blender_cutout.evaluate.metrics import contour_accuracy, iou

_CELL = 320
_GAP = 4


def main(job: dict[str, Any]) -> None:
    """Passes on the numbers and writes the contact sheet."""
    count = job["frames"]
    truth = [_grey(Path(job["truth"]) / f"{i:04d}.png") >= 128 for i in range(count)]
    masks = {name: _masks(Path(job["kept"]) / name, count) for name in ("strokes", "before", "after")}
    first = job["first_frame"]
    scores = {
        name: [_score(m >= 128, t) for m, t in zip(masks[name], truth, strict=True)] for name in ("before", "after")
    }
    clip, composite = open_clip(job["clip"]), open_clip(job["composite"])
    if len(composite) != count:
        raise SystemExit(f"The composite has {len(composite)} frames, but the clip {count}.")
    background = _colour(Path(job["background"]))
    error = max(
        float(np.abs(_over(clip[i], background, masks["after"][i]) - composite[i].astype(np.float32)).mean())
        for i in range(0, count, 5)
    )
    chosen = sorted({0, first, count // 4, count // 2, job["corrected_frame"], count - 1})
    sheet = [_row(clip[i], masks["after"][i], composite[i], i) for i in chosen]
    _write(Path(job["sheet"]), np.concatenate(sheet))
    give(
        {
            "iou_by_colour": _by_colour(clip[first], truth[first]),
            "iou_after_strokes": iou(masks["strokes"][first] >= 128, truth[first]),
            **{f"{name}_{key}": _mean(scores[name], i) for name in scores for i, key in enumerate(("j", "f"))},
            "worst_frame_after": int(np.argmin([j + f for j, f in scores["after"]])),
            "composite_error": error,
            "per_frame": {name: [round((j + f) / 2, 4) for j, f in values] for name, values in scores.items()},
        }
    )


def _by_colour(image: np.ndarray, truth: np.ndarray) -> float:
    """Returns the best IoU that colour alone could reach on this picture.

    Uses the true share of the animal in each of 4,096 colours, and then the best threshold.
    """
    colour = image.astype(np.int64) >> 4
    index = (colour[..., 0] << 8) | (colour[..., 1] << 4) | colour[..., 2]
    inside = np.bincount(index[truth], minlength=4096)
    outside = np.bincount(index[~truth], minlength=4096)
    order = np.argsort(-inside / np.maximum(inside + outside, 1), kind="stable")
    hits, area = np.cumsum(inside[order]), np.cumsum((inside + outside)[order])
    return float(np.max(hits / (truth.sum() + area - hits)))


def _masks(folder: Path, count: int) -> list[np.ndarray]:
    return [_grey(folder / f"{i + 1:06d}.png") for i in range(count)]


def _score(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    return iou(mask, truth), contour_accuracy(mask, truth)


def _mean(scores: list[tuple[float, float]], index: int) -> float:
    return float(np.mean([score[index] for score in scores]))


def _over(image: np.ndarray, background: np.ndarray, mask: np.ndarray) -> np.ndarray:
    alpha = mask[..., None].astype(np.float32) / 255
    return image * alpha + background * (1 - alpha)


def _row(image: np.ndarray, mask: np.ndarray, composite: np.ndarray, frame: int) -> np.ndarray:
    """Returns frame, frame with the mask over it, and composite, side by side."""
    alpha = mask[..., None].astype(np.float32) / 255
    tinted = image * (1 - 0.55 * alpha) + np.array((30, 110, 255), np.float32) * 0.55 * alpha
    outline, _ = cv2.findContours((mask >= 128).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    tinted = np.ascontiguousarray(tinted.astype(np.uint8))
    cv2.drawContours(tinted, outline, -1, (255, 230, 60), 1)
    cells = []
    for cell in (image, tinted, composite):
        height = round(cell.shape[0] * _CELL / cell.shape[1])
        cells += [
            cv2.resize(cell, (_CELL, height), interpolation=cv2.INTER_AREA),
            np.zeros((height, _GAP, 3), np.uint8),
        ]
    row = np.concatenate(cells[:-1], axis=1)
    cv2.putText(row, str(frame), (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([row, np.zeros((_GAP, row.shape[1], 3), np.uint8)])


def _grey(path: Path) -> np.ndarray:
    return _read(path, cv2.IMREAD_GRAYSCALE)


def _colour(path: Path) -> np.ndarray:
    return cv2.cvtColor(_read(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def _read(path: Path, flags: int) -> np.ndarray:
    """Reads a picture; `cv2.imread` cannot open every path on Windows."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), flags)
    if image is None:
        raise SystemExit(f"{path} is not a picture.")
    return np.asarray(image)


def _write(path: Path, image: np.ndarray) -> None:
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise SystemExit(f"{path} cannot be written.")
    data.tofile(path)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8")))
