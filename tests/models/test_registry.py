"""Tests weight files: complete, unchanged, and refused otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from blender_cutout.models import registry
from blender_cutout.models.errors import WeightsDamaged, WeightsMissing
from blender_cutout.models.networks.automatic_net import AutomaticNet
from blender_cutout.models.networks.edge_net import EdgeNet
from blender_cutout.models.networks.propagation_net import PropagationNet
from blender_cutout.models.networks.scribble_to_mask import ScribbleToMask
from blender_cutout.models.training.export import export

NETWORKS = {
    "ScribbleToMask": ScribbleToMask,
    "PropagationNet": PropagationNet,
    "EdgeNet": EdgeNet,
    "AutomaticNet": AutomaticNet,
}


@pytest.mark.parametrize("entry", registry.WEIGHTS.values(), ids=lambda e: e.name)
def test_every_entry_is_complete_and_its_file_and_card_are_there(entry: registry.WeightEntry) -> None:
    path = registry.weight_path(entry)
    assert path.stat().st_size == entry.bytes
    network = PropagationNet(size=entry.size) if entry.network == "PropagationNet" else NETWORKS[entry.network]()
    registry.load_weights(entry, network)
    assert sum(p.numel() for p in network.parameters()) == entry.params
    card = path.with_suffix(".md").read_text()
    for word in (entry.sha256, *entry.trained_on):
        assert word in card
    assert entry.licence
    assert entry.metrics


def test_all_weights_together_stay_under_forty_megabytes() -> None:
    assert sum(e.bytes for e in registry.WEIGHTS.values()) <= 40_000_000


def test_a_damaged_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    entry = registry.find_entry("scribble")
    damaged = bytearray((registry.FOLDER / entry.file).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / entry.file).write_bytes(damaged)
    with pytest.raises(WeightsDamaged, match="Install"):
        registry.weight_path(entry, tmp_path)


def test_a_missing_file_and_an_unknown_name_are_distinguished_from_damage(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="Install"):
        registry.weight_path(registry.find_entry("scribble"), tmp_path)
    with pytest.raises(WeightsMissing, match="Known: automatic, edge, propagation"):
        registry.find_entry("nothing")


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(WeightsDamaged, match="does not fit"):
        registry.load_weights(registry.find_entry("scribble"), PropagationNet())


def test_export_keeps_the_function_and_drops_the_auxiliary_decoder(tmp_path: Path) -> None:
    import hashlib

    torch.manual_seed(0)
    net = PropagationNet(auxiliary=True).eval()
    recipe = {"network": "propagation", "seed": 1}
    weights = net.state_dict()
    state = {"network": weights, "optimiser": {}, "average": weights, "recipe": recipe, "step": 7, "spent": 1.5}
    torch.save(state, tmp_path / "last.pt")
    metadata = export(tmp_path / "last.pt", tmp_path / "p.safetensors")
    assert metadata["steps"] == "7"
    digest = hashlib.sha256((tmp_path / "p.safetensors").read_bytes()).hexdigest()
    entry = replace(registry.find_entry("propagation"), file="p.safetensors", sha256=digest)
    loaded = PropagationNet().eval()
    registry.load_weights(entry, loaded, tmp_path)
    image = torch.rand(1, 3, 32, 32) * 255
    with torch.inference_mode():
        gap = (loaded.encode_key(image).key - net.encode_key(image).key).abs().max()
    assert float(gap) < 0.05
