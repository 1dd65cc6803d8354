"""Tests the packed training file: small enough, with exactly what it needs, and it runs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.training.pack import PackError, pack


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / "large.safetensors"
    state = {k: v.contiguous() for k, v in PropagationNet("dot", size="large").state_dict().items()}
    save_file(state, path, metadata={"network": "propagation", "architecture": "propagation large"})
    return path


def test_a_packed_file_trains_with_nothing_beside_it_and_leaves_weights(
    data: Path, start: Path, tmp_path: Path
) -> None:
    counts = pack(data, tmp_path / "train.zip", start)
    assert counts["davis"] == 8
    assert sum(counts.values()) == 13
    place = tmp_path / "elsewhere"
    place.mkdir()
    words = ["--minutes", "0.02", "--device", "cpu", "--loaders", "1", "--out", "out"]
    small = [word for name in ("sizes=64,64,64", "clips=1,1,1") for word in ("--set", name)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, str(tmp_path / "train.zip"), *words, *small]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    with safe_open(place / "out" / "propagation-large.safetensors", "pt") as file:
        assert file.metadata()["architecture"] == "propagation large"
        assert int(file.metadata()["steps"]) >= 1


def test_the_size_is_kept_and_an_index_names_only_what_is_there(data: Path, start: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    pack(data, whole, start)
    least = (whole.stat().st_size - 15_000) / 2**20
    counts = pack(data, tmp_path / "less.zip", start, least)
    assert 0 < sum(counts.values()) < 13
    assert (tmp_path / "less.zip").stat().st_size <= least * 2**20
    with zipfile.ZipFile(tmp_path / "less.zip") as opened:
        names = opened.namelist()
        rows = opened.read("data/stills/index.csv").decode().splitlines()[1:]
    assert not [n for n in names if "weights/" in n or "eval" in n]
    assert {f"data/stills/images/{row.split(',')[0]}.webp" for row in rows} == {
        n for n in names if n.startswith("data/stills/images")
    }


def test_what_cannot_be_packed_is_said(data: Path, start: Path, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="leave no room"):
        pack(data, tmp_path / "a.zip", start, 1.0)
    with pytest.raises(PackError, match="cutout train export"):
        pack(data, tmp_path / "a.zip", tmp_path / "last.pt")
    assert not list(tmp_path.iterdir())
