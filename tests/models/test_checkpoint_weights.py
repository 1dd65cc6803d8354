"""Tests weights from checkpoints: used if they fit, refused with both names if not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blender_cutout.models import registry
from blender_cutout.models.checkpoint_weights import fill, read_checkpoint_weights
from blender_cutout.models.errors import WeightsDamaged, WeightsMissing
from blender_cutout.models.inference.predictors import PropagationPredictor, load_propagation, load_scribble
from blender_cutout.models.networks.blocks import fold_batch_norms
from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask


def checkpoint(path: Path, network: str, state: dict[str, torch.Tensor]) -> Path:
    torch.save({"average": state, "recipe": {"network": network}, "step": 3}, path)
    return path


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (64, 80, 3)).astype(np.uint8)


def test_an_exported_file_gives_what_the_released_weights_give(picture: np.ndarray) -> None:
    released = registry.weight_path(registry.find_entry("scribble"))
    loose = read_checkpoint_weights(released)
    assert loose.network == "scribble"
    assert loose.sha256 == registry.find_entry("scribble").sha256
    np.testing.assert_array_equal(load_scribble(loose=loose).foreground(picture), load_scribble().foreground(picture))


def test_a_checkpoint_brings_its_average_and_parts_of_training_are_passed_over(tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = ScribbleToMask(alternatives=2)
    path = checkpoint(tmp_path / "last.pt", "scribble", dict(trained.state_dict()))
    network = ScribbleToMask()
    fill(network, "scribble", read_checkpoint_weights(path))
    torch.testing.assert_close(network.head.weight, trained.head.weight)


def test_another_architecture_is_refused_with_both_names(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "last.pt", "propagation", dict(ScribbleToMask().state_dict()))
    with pytest.raises(WeightsDamaged, match=r"'propagation'.*'scribble'"):
        load_scribble(loose=read_checkpoint_weights(path))


def test_a_network_that_changed_is_refused_with_what_does_not_fit(tmp_path: Path) -> None:
    state = dict(ScribbleToMask().state_dict())
    state["head.weight"] = torch.zeros(2, 20, 3, 3)
    state["more"] = torch.zeros(1)
    del state["head.bias"]
    with pytest.raises(WeightsDamaged, match="1 tensors missing, 1 unknown, 1 of another shape"):
        fill(ScribbleToMask(), "scribble", read_checkpoint_weights(checkpoint(tmp_path / "x.pt", "scribble", state)))


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_a_file_without_weights_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WeightsMissing, match="does not exist"):
        read_checkpoint_weights(tmp_path / name)
    (tmp_path / name).write_text("nothing of the kind")
    with pytest.raises(WeightsDamaged, match="neither"):
        read_checkpoint_weights(tmp_path / name)


def test_a_file_tells_which_size_of_the_propagation_network_it_holds(tmp_path: Path, picture: np.ndarray) -> None:
    small = load_propagation()
    state = dict(PropagationNet(auxiliary=True, size="large").state_dict())
    state.update(read_checkpoint_weights(registry.weight_path(registry.find_entry("propagation"))).state)
    recipe = {"network": "propagation", "all_switches": {"similarity": registry.find_entry("propagation").similarity}}
    torch.save({"average": state, "recipe": recipe, "step": 3}, tmp_path / "last.pt")
    large = load_propagation(loose=read_checkpoint_weights(tmp_path / "last.pt"))
    mattes = np.zeros((1, *picture.shape[:2]), np.float32)
    mattes[:, 10:40, 20:60] = 1
    results = []
    for net in (small, large):  # parts that only the large one has are still silent
        key = net.encode_key(picture)
        results.append(net.segment(key, [(key, net.encode_value(picture, key, mattes))]))
    np.testing.assert_allclose(results[0], results[1], atol=1e-3)


def test_a_network_trained_with_the_dot_product_is_read_with_it(tmp_path: Path, picture: np.ndarray) -> None:
    trained = PropagationNet(similarity="dot")  # keys of a random network are all alike
    fill(trained, "propagation", read_checkpoint_weights(registry.weight_path(registry.find_entry("propagation"))))
    recipe = {"network": "propagation", "all_switches": {"similarity": "dot"}}
    torch.save({"average": dict(trained.state_dict()), "recipe": recipe, "step": 3}, tmp_path / "last.pt")
    there = np.linspace(0.0, 1.0, 64 * 80, dtype=np.float32).reshape(1, 64, 80)

    def second(net: PropagationPredictor) -> np.ndarray:
        return net.attention(net.encode_key(np.roll(picture, 8, 1)), net.encode_key(picture), there)

    other = PropagationNet()
    other.load_state_dict(trained.state_dict())
    found = second(load_propagation(loose=read_checkpoint_weights(tmp_path / "last.pt")))
    wanted = second(PropagationPredictor(fold_batch_norms(trained)))
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert np.abs(found - second(PropagationPredictor(fold_batch_norms(other)))).max() > 1e-3
