"""Fixtures for the panels and overlays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lists the mask files that are read, in order, without touching what goes to the graphics card."""
    from blender_cutout.formats import png
    from blender_cutout.ui import mask_overlay

    read: list[str] = []

    def noted(path: Path, *limits: Any) -> np.ndarray:
        grey = png.read_grey(path, *limits)
        read.append("/".join(path.parts[-2:]) if path.parent.name == "small" else path.name)
        return grey

    monkeypatch.setattr(mask_overlay, "upload", lambda grey: grey)
    monkeypatch.setattr(mask_overlay, "read_grey", noted)
    return read
