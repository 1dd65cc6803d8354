"""Measures refined edges: errors of alpha, gradient and composite where alpha is known; ghosts and flicker on clips.

Errors are means over the band: where the true alpha or the rough mask is neither 0 nor 1, and `BAND_PX` around. The
gradient is that of Rhemann et al. (CVPR 2009), Gaussian derivatives, here as a mean absolute difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..core.clips.opening import open_clip
from ..core.edges.settings import EdgeSettings
from ..core.errors import InputError
from ..core.images.dense_flow import dense_flow
from ..core.propagation.steady_edges import SteadyEdges
from .data import Sequence, frame_truth
from .interval import interval
from .metrics import as_mask, contour_accuracy, iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..core.types import Image, Matte

    Refine = Callable[[Image, Matte], tuple[Matte, Image]]

BAND_PX = 5
GREEN = (0, 177, 64)
GHOST_PX = 12
"""Half-transparent pixels farther than this from every true edge are ghosts."""

SIGMA = 1.4
MEASURES = ("alpha", "gradient", "composite")


@dataclass(frozen=True, slots=True)
class EdgePicture:
    """One picture: image and straight foreground (H, W, 3) uint8 RGB, rough mask and true alpha (H, W) in [0, 1]."""

    name: str
    kind: str
    image: Image
    mask: Matte
    alpha: Matte
    foreground: Image

    @property
    def band(self) -> NDArray[np.bool_]:
        """Returns where errors count, (H, W)."""
        unsure = (_doubt(self.alpha) > 0.01) | (_doubt(self.mask) > 0.02)
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND_PX + 1, 2 * BAND_PX + 1))
        return np.asarray(cv2.dilate(unsure.astype(np.uint8), disc) > 0)


def read_edge_pictures(folder: Path) -> Iterator[EdgePicture]:
    """Yields the pictures of a folder with images, mask, alpha, foreground and kinds.txt.

    Raises:
        InputError: the folder has none, or a file is missing.
    """
    names = sorted(path.stem for path in (folder / "images").glob("*.jpg"))
    if not names:
        raise InputError(f"{folder} has no pictures with a known alpha.", "It must hold images, mask and alpha.")
    listed = folder / "kinds.txt"
    kinds = listed.read_text(encoding="utf-8").split() if listed.is_file() else []
    for index, name in enumerate(names):
        image, foreground = (_read(folder / part / f"{name}.jpg")[..., ::-1] for part in ("images", "foreground"))
        mask, alpha = (_grey(_read(folder / part / f"{name}.png")) for part in ("mask", "alpha"))
        kind = kinds[index] if index < len(kinds) else ""
        yield EdgePicture(name, kind, np.ascontiguousarray(image), mask, alpha, np.ascontiguousarray(foreground))


def edge_errors(picture: EdgePicture, alpha: Matte, foreground: Image) -> dict[str, float]:
    """Returns the errors of an alpha (H, W) and its straight colours (H, W, 3): `MEASURES`, the first two x 1000.

    The composite's is in 8-bit levels.
    """
    band = picture.band
    steep = np.hypot(*_slopes(alpha)) - np.hypot(*_slopes(picture.alpha))
    mixed = _over_green(foreground, alpha) - _over_green(picture.foreground, picture.alpha)
    return {
        "alpha": 1000 * float(np.abs(alpha - picture.alpha)[band].mean()),
        "gradient": 1000 * float(np.abs(steep)[band].mean()),
        "composite": float(np.abs(mixed).mean(axis=-1)[band].mean()),
    }


def ghost_share(alpha: Matte, truth: NDArray[np.bool_]) -> float:
    """Returns the share of pixels with alpha 0.1 to 0.9 farther than `GHOST_PX` from any edge of a true mask (H, W)."""
    solid = truth.astype(np.uint8)
    edge = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GHOST_PX + 1, 2 * GHOST_PX + 1))
    far = cv2.dilate(edge, disc) == 0
    return float(((alpha > 0.1) & (alpha < 0.9) & far).mean())


def measure_edges(pictures: Several[EdgePicture], ways: Mapping[str, Refine]) -> list[dict[str, Any]]:
    """Returns a record for each picture and way: picture, kind, way, and the errors."""
    return [
        {"picture": p.name, "kind": p.kind, "way": way, **edge_errors(p, *refine(p.image, p.mask))}
        for p in pictures
        for way, refine in ways.items()
    ]


def measure_clip(video: Sequence, masks: Path, refine: Refine, every: int = 1) -> dict[str, Any] | None:
    """Returns ghosts, flicker and J&F of a clip's propagated masks, as they are and refined.

    Args:
        video: a clip with true masks of one object.
        masks: folder of its propagated masks, 000000.png … by clip frame.
        refine: returns alpha and colours.
        every: use only every n-th frame.

    Returns:
        clip and frames; (raw, refined) of "J&F", of "ghosts" in 10,000ths of the picture, and of "flicker" x 1000, see
        `alpha_flicker`, where the frame before has a mask too. None if no frame has a mask and a truth.
    """
    frames = [f for f in sorted(video.truth)[::every] if (masks / f"{f:06d}.png").is_file()]
    found: dict[str, list[list[float]]] = {"ghosts": [], "J&F": [], "flicker": []}
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    with open_clip(video.clip) as clip:

        def refined(frame: int, edge: EdgeSettings) -> Matte | None:
            path = masks / f"{frame:06d}.png"
            return refine(clip[frame], _grey(_read(path)))[0] if path.is_file() else None

        def pair_of(frame: int) -> tuple[Matte, Matte]:
            alpha = steady.at(frame, EdgeSettings())
            assert alpha is not None, "only frames with a mask are asked for"
            return _grey(_read(masks / f"{frame:06d}.png")), alpha

        def grey(frame: int) -> NDArray[np.uint8]:
            return np.asarray(cv2.cvtColor(clip[frame], cv2.COLOR_RGB2GRAY), np.uint8)

        steady = SteadyEdges(clip, refined)
        for frame in frames:
            truth = frame_truth(video, frame)
            pair = pair_of(frame)
            found["ghosts"].append([1e4 * ghost_share(alpha, truth) for alpha in pair])
            found["J&F"].append([_j_and_f(alpha, truth) for alpha in pair])
            if frame and (masks / f"{frame - 1:06d}.png").is_file():
                back = dense_flow(flow, grey(frame), grey(frame - 1))
                both = zip(pair_of(frame - 1), pair, strict=True)
                found["flicker"].append([1000 * alpha_flicker(before, after, back) for before, after in both])
    if not frames:
        return None
    means = {name: tuple(np.mean(values, axis=0).tolist()) for name, values in found.items() if values}
    return {"clip": video.name, "frames": len(frames), **means}


def alpha_flicker(before: Matte, after: Matte, flow: NDArray[np.float32]) -> float:
    """Returns the mean difference of an alpha (H, W) and the moved one before it, within `GHOST_PX` of its outline.

    Args:
        before: alpha of the frame before.
        after: alpha of the frame.
        flow: (H, W, 2) x, y from the frame to the same point in the one before, in pixels.
    """
    height, width = after.shape
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    moved = cv2.remap(before, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    outline = cv2.morphologyEx((after >= 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * GHOST_PX + 1, 2 * GHOST_PX + 1))
    near = cv2.dilate(outline, disc) > 0
    return float(np.abs(after - moved)[near].mean()) if near.any() else 0.0


def _j_and_f(alpha: Matte, truth: NDArray[np.bool_]) -> float:
    mask = as_mask(alpha)
    return (iou(mask, truth) + contour_accuracy(mask, truth)) / 2


def edge_table(records: Several[Mapping[str, Any]], against: str) -> str:
    """Returns the means of each way, and their ratio to those of `against` with its 95 % interval over pictures."""
    lines = []
    for way in dict.fromkeys(r["way"] for r in records):
        cells = []
        for measure in MEASURES:
            own, raw = ([r[measure] for r in records if r["way"] == w] for w in (way, against))
            base = float(np.mean(raw))
            bounds = interval([(a - b) / base for a, b in zip(own, raw, strict=True)])
            spread = f" ({1 + bounds[0]:.2f} to {1 + bounds[1]:.2f})" if bounds and way != against else ""
            cells.append(f"{measure} {np.mean(own):.2f} = {np.mean(own) / base:.2f} x{spread}")
        lines.append(f"{way}: " + ", ".join(cells))
    return "\n".join(lines)


def _over_green(colour: Image, alpha: Matte) -> NDArray[np.float32]:
    share = alpha[..., None]
    return np.asarray(share * colour + (1 - share) * np.array(GREEN, np.float32), np.float32)


def _slopes(alpha: Matte) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    smooth = cv2.GaussianBlur(alpha, (0, 0), SIGMA)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return np.asarray(across), np.asarray(down)


def _doubt(matte: Matte) -> Matte:
    return np.asarray(np.minimum(matte, 1 - matte))


def _read(path: Path) -> NDArray[Any]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise InputError(f"{path} cannot be read as a picture.", "Copy the data again.")
    return np.asarray(picture)


def _grey(picture: NDArray[Any]) -> Matte:
    return np.asarray(picture / np.float32(np.iinfo(picture.dtype).max), np.float32)
