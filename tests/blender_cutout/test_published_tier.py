"""Tests a tier with a published network: what is said while it is not there, and how it propagates once it is.

The weights are random ones, saved as a file of their own with its own checksum.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blender_cutout import compose
from blender_cutout.cli import main
from blender_cutout.core.engine import Engine
from blender_cutout.core.errors import EnvironmentMissing, WeightsError
from blender_cutout.core.tiers import ladder as tier_ladder
from blender_cutout.core.tiers.published import PUBLISHED
from blender_cutout.core.tiers.table import PUBLISHED_TIERS, TIERS, find_tier
from blender_cutout.environment import weight_files
from blender_cutout.models.inference import cutie_network, published

CUTIE = PUBLISHED["cutie"]
GAIN = 0.2
"""Gain of the norms: with random weights and a gain of one, the network overflows."""


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    network = cutie_network.make_network("base")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.weight, GAIN)
    return dict(network.state_dict())


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUTOUT_HOME", str(tmp_path / "home"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def saved(content: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weight file with this content, as if its authors had published it."""
    path = weight_files.weight_file(CUTIE)
    path.parent.mkdir(parents=True)
    torch.save(content, path)
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(PUBLISHED, "cutie", CUTIE._replace(md5=digest))
    return path


def engine() -> Engine:
    return compose.load_engine("cutie", "cpu")


def clip() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    ground = rng.integers(0, 90, (120, 160, 3), np.uint8)
    out = []
    for t in range(5):
        image = ground.copy()
        image[20:70, 10 + 4 * t : 50 + 4 * t] = (220, 60, 40)
        out.append(image)
    return out


def test_without_weights_it_says_how_to_get_them() -> None:
    with pytest.raises(
        WeightsError,
        match=r"weights of Cutie have not been downloaded yet\. Press Download .*cutout weights fetch cutie",
    ):
        engine()


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, "cutie", CUTIE._replace(package="no-such-package-is-installed"))
    with pytest.raises(EnvironmentMissing, match="pip install no-such-package-is-installed"):
        engine()


def test_the_list_of_tiers_has_it_only_when_all_is_there(
    state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def names() -> list[str]:
        assert main(["tiers"]) == 0
        out = capsys.readouterr().out
        assert CUTIE.credit in out
        return [line.split()[0] for line in out.splitlines() if " px" in line]

    assert "cutie" not in names()
    saved(state, monkeypatch)
    assert names()[-1] == "cutie"


def test_the_list_of_tiers_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tiers"]) == 0
    assert "cutout weights fetch cutie" in capsys.readouterr().out


def test_propagates_two_objects_in_both_directions_with_a_crop_that_follows(
    state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(state, monkeypatch)
    first = np.zeros((2, 120, 160), np.float32)
    first[0, 20:70, 18:58] = 1
    first[1, 90:110, 90:120] = 1
    found = dict(engine().propagate(clip(), {2: first}))
    assert sorted(found) == [0, 1, 2, 3, 4]
    for frame, mattes in found.items():
        assert mattes.shape == first.shape, f"frame {frame}"
        assert np.isfinite(mattes).all()
        assert mattes.min() >= 0
        assert mattes.max() <= 1
    assert np.array_equal(found[2], first)


def test_a_flipped_byte_is_refused(state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(state, monkeypatch)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged, incomplete or not cutie-base-mega\.pth"):
        engine()


class Harmless:
    """Not a tensor."""


@pytest.mark.parametrize("content", [{"a": Harmless()}, [1, 2], {"weights": {"a": torch.zeros(1)}}])
def test_a_file_with_anything_but_tensors_is_refused(content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(content, monkeypatch)
    with pytest.raises(WeightsError, match="does not hold the tensors of a network"):
        engine()


def test_tensors_of_another_network_are_refused(
    state: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    saved({name: tensor for name, tensor in state.items() if not name.startswith("key_proj")}, monkeypatch)
    with pytest.raises(WeightsError, match="not those of Cutie's base network: 8 tensors missing"):
        engine()


def test_auto_never_takes_it_and_the_finest_own_tier_comes_below_it() -> None:
    assert not set(PUBLISHED_TIERS) & set(TIERS)
    assert find_tier("auto").name in TIERS
    below = tier_ladder.faster("cutie")
    assert below is not None
    assert below.name == list(TIERS)[-1]


def test_every_published_network_has_a_tier_and_a_builder() -> None:
    assert set(PUBLISHED) == {tier.propagation_weights for tier in PUBLISHED_TIERS.values()} == set(published.BUILDERS)
    assert all(len(tier.hypotheses) == 1 for tier in PUBLISHED_TIERS.values()), "a key with a state serves one walk"
