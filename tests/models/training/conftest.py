"""Fixtures: a small data folder of the right form, and its pool."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from blender_cutout.models.training.samples.pool import Pool, open_pool


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data folder of the right form: bright discs on dark grounds."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for folder in ("stills/images", "stills/masks", "video-train/ball/frames", "video-train/ball/masks"):
        (root / folder).mkdir(parents=True)
    rows = ["name,set,kind,accuracy_group"]
    for i, name in enumerate(("ecssd", "pascal_s", "bsds500", "coco_mval", "ccp")):
        image, mask = disc(rng, 100 + 5 * i, 80)
        kind = "regions" if name == "bsds500" else "object"
        cv2.imwrite(str(root / f"stills/images/{name}_{i}.webp"), image[..., ::-1])
        cv2.imwrite(str(root / f"stills/masks/{name}_{i}.png"), mask // 255 + 1 if kind == "regions" else mask)
        rows.append(f"{name}_{i},{name},{kind},{1 + i % 3}")
    rows.append("ccp_9,ccp,unlabelled,1")
    (root / "stills/index.csv").write_text("\n".join(rows))
    for t in range(8):
        image, mask = disc(rng, 50 + 12 * t, 80)
        cv2.imwrite(str(root / f"video-train/ball/frames/{t:05d}.webp"), image[..., ::-1])
        cv2.imwrite(str(root / f"video-train/ball/masks/{t:05d}.png"), mask)
    return root


def disc(rng: np.random.Generator, x: int, y: int) -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:160, :220]
    inside = (xs - x) ** 2 + (ys - y) ** 2 < 35**2
    image = np.where(inside[..., None], np.array([220, 160, 40]), np.array([40, 60, 90])) + rng.integers(
        0, 25, (160, 220, 3)
    )
    return image.astype(np.uint8), inside.astype(np.uint8) * 255


@pytest.fixture(scope="session")
def pool(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pool:
    return open_pool(data, tmp_path_factory.mktemp("cache"))
