"""Tests opening a graph: what is missing, damaged or made for other weights is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from blender_cutout.models import registry
from blender_cutout.models.errors import WeightsDamaged, WeightsMissing
from blender_cutout.models.onnx_inference import graph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the edge network's weights and graph."""
    for name in ("edge.safetensors", "edge.alpha.onnx"):
        shutil.copy(registry.FOLDER / name, tmp_path / name)
    return tmp_path


def test_a_graph_reads_its_weights_beside_it(folder: Path) -> None:
    seen, matte = np.zeros((1, 23, 16, 24), np.float32), np.zeros((1, 1, 32, 48), np.float32)
    (alpha,) = graph.open_graph("edge", "alpha", 1, folder)(seen=seen, matte=matte)
    assert alpha.shape == (1, 1, 32, 48)
    assert alpha.dtype == np.float32
    assert 0.0 < float(alpha.min()) <= float(alpha.max()) < 1.0


def test_a_missing_graph_is_named(folder: Path) -> None:
    (folder / "edge.alpha.onnx").unlink()
    with pytest.raises(WeightsMissing, match=r"edge\.alpha\.onnx"):
        graph.open_graph("edge", "alpha", 1, folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / "edge.safetensors").unlink()
    with pytest.raises(WeightsMissing, match=r"edge\.safetensors"):
        graph.open_graph("edge", "alpha", 1, folder)


def test_a_file_that_is_no_graph_is_named(folder: Path) -> None:
    (folder / "edge.alpha.onnx").write_bytes(b"not a graph")
    with pytest.raises(WeightsDamaged, match=r"edge\.alpha\.onnx"):
        graph.open_graph("edge", "alpha", 1, folder)


def test_a_graph_made_for_other_weights_is_refused(folder: Path) -> None:
    path = folder / "edge.alpha.onnx"
    made_for = registry.WEIGHTS["edge"].sha256.encode()
    path.write_bytes(path.read_bytes().replace(made_for, made_for[::-1]))
    with pytest.raises(WeightsDamaged, match="other weights"):
        graph.open_graph("edge", "alpha", 1, folder)
