"""Tests damaged or wrong checkpoints and weight files: always one clear error."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from blender_cutout.models.checkpoint_weights import fill as fill_loose
from blender_cutout.models.checkpoint_weights import read_checkpoint_weights
from blender_cutout.models.errors import ModelError, WeightsDamaged
from blender_cutout.models.training.checkpoint import CheckpointError, fill, open_checkpoint, save_checkpoint

WEIGHTS = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}
STATE: dict[str, Any] = {
    "network": WEIGHTS, "optimiser": {"state": {}, "param_groups": []}, "average": WEIGHTS, "step": 7, "spent": 1.5,
    "recipe": {"network": "scribble"},
}  # fmt: skip


def test_a_whole_one_is_opened(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "last.pt", STATE)
    assert open_checkpoint(tmp_path / "last.pt", "scribble")["step"] == 7
    assert read_checkpoint_weights(tmp_path / "last.pt").network == "scribble"


def with_recipe(recipe: Any) -> dict[str, Any]:
    return {**STATE, "recipe": recipe}


def with_average(average: Any) -> dict[str, Any]:
    return {**STATE, "average": average}


@pytest.mark.parametrize(
    "state",
    [
        [STATE], None, "text", torch.zeros(3), list(STATE), {name: 3 for name in STATE},
        with_recipe([]), with_recipe({"network": 3}), with_recipe({"network": ["x"]}), with_recipe(None),
        with_average([]), with_average({"weight": 3}), with_average({3: torch.zeros(2)}), with_average({"w": None}),
        with_average({"weight": torch.zeros(1).expand(10**6, 10**6)}),
        with_average({"weight": torch.zeros(2, 3).to_sparse()}),
        with_average({"weight": torch.zeros(2, 3, dtype=torch.complex64)}),
    ],
)  # fmt: skip
def test_what_holds_other_things_is_refused(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "last.pt"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        open_checkpoint(path, "scribble")
    with pytest.raises(WeightsDamaged, match="neither a checkpoint"):
        read_checkpoint_weights(path)


@pytest.mark.parametrize(
    "change", [{"step": "x"}, {"step": 10**400}, {"spent": float("nan")}, {"optimiser": []}, {"network": {"a": 1}}]
)
def test_a_training_state_of_another_kind_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    torch.save({**STATE, **change}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="not a checkpoint"):
        open_checkpoint(tmp_path / "last.pt")


def pickled(code: bytes) -> bytes:
    """Returns a valid archive with other bytes in place of the pickle."""
    out, new = io.BytesIO(), io.BytesIO()
    torch.save(STATE, out)
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(new, "w") as archive:
        for name in old.namelist():
            archive.writestr(name, code if name.endswith("data.pkl") else old.read(name))
    return new.getvalue()


@pytest.mark.parametrize("read", [open_checkpoint, read_checkpoint_weights])
@pytest.mark.parametrize(
    "code",
    [b"", b".", b"\x80\x02.", b"\x80\x02t.", b"\x80\x020.", b"\x80\x02h\x05.", b"\x80\x02}K\x01s.", b"\x80\x02]a.",
     b"\x80\x02X\xff\xff\xff\x7fx.", b"\x80\x02\x8a\xff1.", b"\x80\x02)R.", b"\x80\x02\x88u."],
    ids=repr,
)  # fmt: skip
def test_a_damaged_pickle_is_refused(tmp_path: Path, read: Callable[[Path], object], code: bytes) -> None:
    path = tmp_path / "last.pt"
    path.write_bytes(pickled(code))
    with pytest.raises(ModelError, match="checkpoint"):
        read(path)


class Call:
    """Pickled as the call of a function."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("read", [open_checkpoint, read_checkpoint_weights])
def test_a_checkpoint_runs_no_code(tmp_path: Path, read: Callable[[Path], object]) -> None:
    target, path = tmp_path / "the code ran", tmp_path / "last.pt"
    torch.save({**STATE, "more": Call(target)}, path)
    with pytest.raises(ModelError, match="checkpoint"):
        read(path)
    pickle.loads(pickle.dumps(Call(target)))  # what an ordinary reader would do
    assert target.exists()
    target.unlink()
    with pytest.raises(ModelError):
        read(path)
    assert not target.exists()


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    other = torch.nn.Linear(3, 4)
    with pytest.raises(CheckpointError, match="`a`, not `b`"):
        fill(other, WEIGHTS, tmp_path / "last.pt", "a", "b")
    torch.save(STATE, tmp_path / "last.pt")
    with pytest.raises(WeightsDamaged, match="2 of another shape"):
        fill_loose(other, "scribble", read_checkpoint_weights(tmp_path / "last.pt"))
