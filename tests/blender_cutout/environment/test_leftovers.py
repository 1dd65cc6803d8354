"""Tests the removal of what the add-on stores outside Blender: all of its own goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.core.tiers.published import PUBLISHED
from blender_cutout.environment import leftovers, own_folder, pip_runner, tier_record, venv, weight_files


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which everything was set up and downloaded once."""
    home = tmp_path / "mein Ordner"
    monkeypatch.setenv(venv.HOME_VARIABLE, str(home))
    own_folder.keep(venv.engine_folder())
    (venv.engine_folder() / "library.so").write_bytes(b"x" * 5000)
    own_folder.lock_of(venv.engine_folder()).touch()
    tier_record.kept_file().write_text("{}")
    (home / "weights").mkdir()
    for network in PUBLISHED.values():
        weight_files.weight_file(network).write_bytes(b"y" * 2000)
        weight_files.weight_file(network).with_name(network.file + ".partial").touch()
    return home


@pytest.mark.parametrize("locked_before", [True, False])
def test_nothing_stays_of_what_was_set_up(home: Path, tmp_path: Path, locked_before: bool) -> None:
    if not locked_before:
        own_folder.lock_of(venv.engine_folder()).unlink()
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "engine.log").write_bytes(b"z" * 100)
    done = leftovers.remove_all((logs,))
    assert not home.exists()
    assert not logs.exists()
    assert done.left == ()
    assert done.size >= 5000 + 2000 * len(PUBLISHED) + 100
    assert leftovers.remove_all((logs,)).size == 0, "a second time there is nothing to do"


def test_what_was_not_made_here_stays(home: Path) -> None:
    (home / "holiday.jpg").touch()
    (home / "weights" / "mine.pth").touch()
    (venv.engine_folder() / own_folder.NOTE).unlink()
    leftovers.remove_all()
    names = {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}
    assert names == {"holiday.jpg", "weights/mine.pth", "engine/library.so"}


def test_an_installation_under_way_is_not_disturbed(home: Path) -> None:
    with pip_runner.only_one(own_folder.lock_of(venv.engine_folder())), pytest.raises(EnvironmentMissing):
        leftovers.remove_all()
    assert (venv.engine_folder() / "library.so").exists()
