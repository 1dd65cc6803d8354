"""Tests where the engine and the networks meet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blender_cutout import compose
from blender_cutout.commands.arguments import weights_by_kind
from blender_cutout.core.errors import InputError, OutOfMemory, WeightsError
from blender_cutout.core.tiers.table import TIERS, Tier, find_tier
from blender_cutout.models import registry
from blender_cutout.models.inference import packed


def test_unknown_tiers_and_devices_list_the_names() -> None:
    with pytest.raises(InputError, match="draft"):
        compose.load_engine(tier="ultra")
    with pytest.raises(InputError, match="cuda"):
        compose.load_engine(device="tpu")


def test_a_device_that_is_not_there_is_an_error_and_auto_is_one_that_is() -> None:
    import torch

    chosen = compose.choose_device("auto")
    assert chosen in ("cpu", "cuda", "mps")
    if not torch.backends.mps.is_available():
        with pytest.raises(InputError, match="no device 'mps'"):
            compose.choose_device("mps")


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_fixes_the_engines_settings(tier: str) -> None:
    settings = compose.settings_of(TIERS[tier])
    assert settings.scribble_px == TIERS[tier].scribble_px
    assert settings.mirrored_strokes == TIERS[tier].mirrored_strokes
    assert settings.propagation.working_px == TIERS[tier].propagation_px
    assert settings.propagation.budget == TIERS[tier].memory_budget


def test_the_engine_says_what_it_is_made_of() -> None:
    engine = compose.load_engine("draft", "cpu")
    assert (engine.tier, engine.device) == ("draft", "cpu")
    assert len(engine.weights_id) == 16
    assert engine.weights_id == compose.load_engine("draft", "cpu").weights_id, "the same weights"
    small = registry.weight_path(registry.find_entry("propagation"))
    other = compose.load_engine("draft", "cpu", {"propagation": small})
    assert engine.weights_id != other.weights_id, "another network, another name"


def test_missing_and_damaged_weights_are_reported_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blender_cutout.models import registry

    real = registry.FOLDER
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match="missing"):
        compose.load_engine("draft", "cpu")
    for file in real.glob("*.safetensors"):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        (tmp_path / file.name).write_bytes(data)
    with pytest.raises(WeightsError, match="damaged") as caught:
        compose.load_engine("draft", "cpu")
    assert caught.value.hint
    with pytest.raises(WeightsError, match="damaged"):
        list(compose.check_weights(TIERS["draft"]))


@pytest.mark.parametrize(
    "fault", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_running_out_of_memory_is_reported_as_such(fault: Exception) -> None:
    with pytest.raises(OutOfMemory) as caught, compose.translated():
        raise fault
    assert "tier" in caught.value.hint


def test_other_faults_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), compose.translated():
        raise RuntimeError("shape mismatch")


def test_errors_of_the_networks_are_translated_while_working(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from blender_cutout.models.inference import predictors

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    engine = compose.load_engine("draft", "cpu")
    monkeypatch.setattr(predictors.ScribblePredictor, "predict", full)
    monkeypatch.setattr(predictors.PropagationPredictor, "encode_key", full)
    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(OutOfMemory, match="not enough memory"):
        engine.foreground(image)
    with pytest.raises(OutOfMemory, match="not enough memory"):
        list(engine.propagate([image, image], {0: np.ones((64, 64), np.float32)}))


def second_mask(tier: Tier, weights: compose.Loose | None = None) -> np.ndarray:
    """Returns the mask that a moved square gets from the frame before."""
    image = np.full((96, 96, 3), 60, np.uint8)
    image[24:72, 24:72] = (200, 90, 40)
    matte = np.zeros((96, 96), np.float32)
    matte[24:72, 24:72] = 1.0
    engine = compose.make_engine(compose.load_networks(tier, "cpu", weights), tier)
    return dict(engine.propagate([image, np.roll(image, 6, 1)], {0: matte}))[1]


def test_a_given_file_replaces_the_tiers_network() -> None:
    tier, other = find_tier("draft"), "propagation"
    assert tier.propagation_weights != other
    given = second_mask(tier, {"propagation": registry.weight_path(registry.find_entry(other))})
    np.testing.assert_allclose(given, second_mask(tier._replace(propagation_weights=other)), atol=1e-4)
    assert np.abs(given - second_mask(tier)).max() > 0.01


def test_a_kind_of_weights_has_one_file() -> None:
    pairs = [("scribble", Path("a.pt")), ("propagation", Path("b.pt"))]
    assert weights_by_kind(pairs) == dict(pairs)
    with pytest.raises(InputError, match="only one file for propagation"):
        weights_by_kind([*pairs, ("propagation", Path("c.pt"))])


def test_precision_of_a_tier_changes_its_answers_a_little() -> None:
    plain = find_tier("draft")
    full, half = (second_mask(plain._replace(precision=kind)) for kind in ("full", "half"))
    assert (full == half).all() != packed.fast_bfloat16()
    assert np.abs(full - half).mean() < 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="thread settings can be listed on Linux only")
def test_threads_wait_without_keeping_the_processor_from_other_programs() -> None:
    code = "from blender_cutout.compose import choose_device; choose_device('cpu')"
    variables = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"} | {
        "OMP_DISPLAY_ENV": "TRUE"
    }
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], env=variables, cwd=root, capture_output=True, text=True, check=True
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
