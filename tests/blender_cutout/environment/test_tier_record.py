"""Tests the stored tier of `auto`, which is valid only on the machine where it was timed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blender_cutout import compose
from blender_cutout.core.errors import InputError
from blender_cutout.core.tiers.table import DEFAULT, TIERS
from blender_cutout.environment import tier_record

FASTEST, *_, FINEST = TIERS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Zuhause ü"
    monkeypatch.setenv("CUTOUT_HOME", str(folder))
    return folder


def made(tier: str, device: str = "cpu", **changes: object) -> tier_record.Fitted:
    found = tier_record.Fitted(tier, 0.123, device, tier_record.this_machine(), timed={tier: 0.123, DEFAULT: 0.15})
    return replace(found, **changes)  # type: ignore[arg-type]


def test_without_a_timing_auto_is_the_default() -> None:
    assert tier_record.recall() is None
    assert tier_record.fitting_tier("auto").name == DEFAULT
    assert "not timed" in tier_record.described("auto")


def test_what_is_kept_is_what_auto_takes_and_a_name_is_itself(home: Path) -> None:
    path = tier_record.keep(made(FINEST))
    assert path.parent == home
    assert list(home.iterdir()) == [path], "nothing temporary is left"
    assert tier_record.fitting_tier("auto", "cpu", "").name == FINEST
    assert tier_record.fitting_tier(FASTEST, "cpu").name == FASTEST
    assert compose.choose_tier("auto", "cpu").name == FINEST
    assert tier_record.described("auto") == f"{FINEST} (0.12 s per frame; auto)"
    assert tier_record.described(DEFAULT) == f"{DEFAULT} (0.15 s per frame)"
    with pytest.raises(InputError, match=FASTEST):
        tier_record.fitting_tier("ultra")


def test_the_engine_of_auto_is_the_chosen_one() -> None:
    tier_record.keep(made(FASTEST))
    assert compose.load_engine("auto", "cpu").tier == FASTEST
    tier_record.keep(made(DEFAULT))
    assert compose.load_engine(device="cpu").tier == DEFAULT


def test_each_library_has_its_own_choice(home: Path) -> None:
    """Both engines may be on one machine, and PyTorch takes longer than ONNX Runtime."""
    tier_record.keep(made(FASTEST))
    assert tier_record.recall("cpu", library="onnx") is None, "it says nothing about the other"
    tier_record.keep(made(FINEST, machine=tier_record.this_machine("onnx")))
    assert tier_record.fitting_tier("auto", "cpu", "").name == FASTEST
    assert tier_record.fitting_tier("auto", "cpu", "", "onnx").name == FINEST
    assert compose.choose_tier("auto", "cpu", "onnx").name == FINEST
    assert tier_record.described("auto", library="onnx") == f"{FINEST} (0.12 s per frame; auto)"
    records = json.loads(tier_record.kept_file().read_text())
    assert {record["machine"]["library"] for record in records.values()} == {"torch", "onnx"}


def test_a_timing_of_an_earlier_release_was_pytorchs() -> None:
    path = tier_record.keep(made(FINEST))
    path.write_text(path.read_text().replace(',\n   "library": "torch"', ""))
    assert "library" not in path.read_text()
    assert tier_record.fitting_tier("auto", "cpu", "").name == FINEST
    assert tier_record.recall("cpu", library="onnx") is None


def test_each_device_has_its_own_choice_and_the_best_one_leads() -> None:
    tier_record.keep(made(FASTEST))
    tier_record.keep(made(FINEST, "cuda", card="A card"))
    assert tier_record.fitting_tier("auto", "cpu", "").name == FASTEST
    assert tier_record.fitting_tier("auto", "cuda", "A card").name == FINEST
    assert tier_record.fitting_tier("auto", "cuda", "Another card").name == DEFAULT
    assert tier_record.recall("auto").tier == FINEST  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change", [{"processor": "Another"}, {"threads": 99}, {"version": "0.0.1"}, {"weights": "others"}]
)
def test_a_choice_of_another_machine_or_release_does_not_count(change: dict[str, object]) -> None:
    tier_record.keep(made(FINEST, machine=replace(tier_record.this_machine(), **change)))  # type: ignore[arg-type]
    assert tier_record.fitting_tier("auto").name == DEFAULT
    tier_record.keep(made(FINEST))
    assert tier_record.fitting_tier("auto").name == FINEST


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '"text"', '{"cpu": 7}', '{"cpu": {"tier": "ultra"}}', "ü\x00"])
def test_a_damaged_or_foreign_file_is_ignored_and_written_again(home: Path, content: str) -> None:
    home.mkdir()
    (home / tier_record.FILE).write_text(content, encoding="utf-8")
    assert tier_record.fitting_tier("auto").name == DEFAULT
    tier_record.keep(made(FINEST))
    assert tier_record.fitting_tier("auto").name == FINEST


def test_a_tier_that_this_release_has_not_is_passed_over(home: Path) -> None:
    path = tier_record.keep(made(FINEST))
    path.write_text(path.read_text().replace(json.dumps(FINEST), '"gone"'), encoding="utf-8")
    assert tier_record.fitting_tier("auto").name == DEFAULT


def test_a_folder_that_cannot_be_written_is_an_os_error_and_harms_nothing(home: Path) -> None:
    home.write_text("a file in its place")
    with pytest.raises((FileExistsError, NotADirectoryError)):
        tier_record.keep(made(FINEST))
    assert tier_record.fitting_tier("auto").name == DEFAULT


def test_the_mark_of_the_weights_changes_with_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    before = tier_record.weights_mark()
    tier_record.weights_mark.cache_clear()
    monkeypatch.setitem(TIERS, FINEST, TIERS[FINEST]._replace(propagation_px=TIERS[FINEST].propagation_px + 16))
    assert tier_record.weights_mark() != before
    tier_record.weights_mark.cache_clear()
