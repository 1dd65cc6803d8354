"""Tests the engine without PyTorch: whole clips get PyTorch's mattes, and PyTorch is never loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from blender_cutout import compose
from blender_cutout.core.clips.opening import open_clip
from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import InputError
from blender_cutout.core.fakes import SyntheticClip
from blender_cutout.core.tiers.table import TIERS, Tier
from blender_cutout.core.types import Label, Stroke
from blender_cutout.environment import network_library
from blender_cutout.models.onnx_inference import predictors

ROOT = Path(__file__).parents[3]
CLIP = ROOT / "tests" / "fixtures" / "behaviour.mp4"
MOST = 1.0 / 255.0
FRAMES = 5
WITHOUT_TORCH = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "safetensors"}:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import numpy as np
from blender_cutout import Stroke, load_engine

pictures = np.full((4, 120, 160, 3), 70, np.uint8)
for frame, picture in enumerate(pictures):
    picture[40:80, 40 + 4 * frame : 90 + 4 * frame] = (210, 120, 40)
engine = load_engine("draft", library="onnx")
mask = engine.refine(pictures[0], [Stroke([(50, 60), (80, 60)], 3, "keep")])
found = dict(engine.propagate(list(pictures), {0: mask}))
alpha, colours = engine.refine_edge(pictures[3], found[3])
print(len(found), round(float(alpha[45:75, 60:95].mean()), 1), "torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def source() -> list[np.ndarray]:
    """The first pictures of a real clip."""
    with open_clip(CLIP) as clip:
        return [clip[frame] for frame in range(min(FRAMES, len(clip)))]


def engines(tier: Tier) -> tuple[Engine, Engine]:
    """Both engines in 32 bits, as ONNX Runtime computes."""
    full = tier._replace(precision="full")
    one, other = (
        compose.make_engine(compose.load_networks(full, "cpu", library=library), full) for library in ("torch", "onnx")
    )
    return one, other


def most(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).max())


@pytest.mark.parametrize("tier", ["sketch", "standard"])
def test_a_clip_with_strokes_gets_pytorchs_mattes(tier: str, source: list[np.ndarray]) -> None:
    torch_engine, onnx_engine = engines(TIERS[tier])
    height, width = source[0].shape[:2]
    strokes = [Stroke([(0.4 * width, 0.5 * height), (0.6 * width, 0.5 * height)], 4.0, Label.KEEP)]
    strokes += [Stroke([(0.05 * width, 0.05 * height), (0.3 * width, 0.05 * height)], 4.0, Label.REMOVE)]
    masks = [engine.refine(source[0], strokes) for engine in (torch_engine, onnx_engine)]
    assert most(*masks) <= MOST
    one, other = (dict(engine.propagate(source, {0: masks[0]})) for engine in (torch_engine, onnx_engine))
    assert one.keys() == other.keys()
    assert max(most(one[frame], other[frame]) for frame in one) <= MOST
    assert max(float(matte.max()) for matte in other.values()) > 0.5


@pytest.mark.parametrize("tier", TIERS)
def test_a_large_clip_gets_pytorchs_mattes_in_every_tier(tier: str) -> None:
    scene = SyntheticClip(length=3, height=1080, width=1920, radius=150)
    pictures = [scene[frame] for frame in range(3)]
    ys, xs = np.nonzero(scene.matte(0) > 0.5)
    x, y = float(xs.mean()), float(ys.mean())
    strokes = [Stroke([(x - 60, y), (x + 60, y)], 12.0, Label.KEEP)]
    torch_engine, onnx_engine = engines(TIERS[tier])
    masks = [engine.refine(pictures[0], strokes) for engine in (torch_engine, onnx_engine)]
    assert most(*masks) <= MOST
    assert float(masks[1].max()) > 0.5
    one, other = (
        dict(engine.propagate(pictures, {0: mask}))
        for engine, mask in zip((torch_engine, onnx_engine), masks, strict=True)
    )
    assert max(most(one[frame], other[frame]) for frame in one) <= MOST


def test_several_objects_get_pytorchs_mattes() -> None:
    scene = SyntheticClip(length=FRAMES, height=216, width=384, radius=24, objects=2)
    pictures, tier = [scene[frame] for frame in range(FRAMES)], TIERS["fine"]
    one, other = (dict(engine.propagate(pictures, {0: scene.mattes(0)})) for engine in engines(tier))
    assert one.keys() == other.keys()
    assert max(most(one[frame], other[frame]) for frame in one) <= MOST
    assert max(float(matte.max()) for matte in other.values()) > 0.5


def test_a_remembered_frame_no_longer_holds_what_only_decoding_needs(source: list[np.ndarray]) -> None:
    net = predictors.load_propagation("propagation", threads=1)
    picture = np.ascontiguousarray(source[0][:96, :160])
    matte = np.zeros((1, 96, 160), np.float32)
    matte[:, 20:70, 30:90] = 1.0
    fresh, kept = net.encode_key(picture), net.encode_key(picture)
    assert fresh.maps is not None
    largest = weakref.ref(kept.maps.f2)
    value = net.encode_value(picture, kept, matte)
    assert largest() is None, "freed"
    found, again = (net.segment(query, [(kept, value)], matte) for query in (fresh, kept))
    assert most(found, again) == 0.0, "and made again where it is wanted after all"
    assert net.megabytes(kept, value) == net.megabytes(fresh, value), "both engines remember the same frames"


def test_edges_get_pytorchs_alpha(source: list[np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compose, "edge_precision", lambda device: "fp32")
    height, width = source[0].shape[:2]
    rows, columns = np.mgrid[:height, :width]
    matte = np.clip(height / 4 - np.hypot(rows - height / 2, columns - width / 2) + 0.5, 0, 1).astype(np.float32)
    found = [engine.refine_edge(source[0], matte)[0] for engine in engines(TIERS["draft"])]
    assert most(*found) <= MOST
    assert most(found[0], matte) > 0.1, "the network decided something"


def test_a_process_without_pytorch_cuts_out_an_object() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.stdout.split() == ["4", "1.0", "False"], done.stderr


def test_pytorch_is_taken_where_it_is_and_what_is_wanted_before_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(network_library.VARIABLE, raising=False)
    assert network_library.chosen_library() == "torch"
    monkeypatch.setenv(network_library.VARIABLE, "onnx")
    assert network_library.chosen_library() == "onnx"
    assert network_library.chosen_library("torch") == "torch"
    monkeypatch.setenv(network_library.VARIABLE, "tensorflow")
    with pytest.raises(InputError, match="tensorflow"):
        network_library.chosen_library()


def test_both_engines_have_the_same_weights() -> None:
    ids = {compose.load_networks(TIERS["draft"], "cpu", library=library).weights_id for library in ("torch", "onnx")}
    assert len(ids) == 1


def test_graphics_cards_other_weights_and_published_networks_need_pytorch(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Without PyTorch"):
        compose.load_engine("draft", "cuda", library="onnx")
    with pytest.raises(InputError, match="need PyTorch"):
        compose.load_engine("draft", "cpu", {"scribble": tmp_path / "last.pt"}, library="onnx")
    with pytest.raises(InputError, match="cutie needs PyTorch"):
        compose.load_engine("cutie", "cpu", library="onnx")


@pytest.mark.parametrize(("engine", "text"), [("onnx", "ONNX Runtime runs"), ("torch", "PyTorch runs")])
def test_doctor_says_which_engine_serves(engine: str, text: str) -> None:
    command = [sys.executable, "-m", "blender_cutout", "doctor", "--tier", "sketch", "--device", "cpu"]
    done = subprocess.run([*command, "--engine", engine], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert text in done.stdout
    assert ("torch:" in done.stdout) == (engine == "torch")


def test_the_command_lines_choice_ends_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(network_library.VARIABLE, raising=False)
    with network_library.preferred("onnx"):
        assert network_library.chosen_library() == "onnx"
    assert network_library.VARIABLE not in os.environ
