"""Tests this folder's proofs on a small scale: a few kills, a few failing disks, a slightly longer clip."""

from __future__ import annotations

import sys
from pathlib import Path

import disks
import kills
import long_clip
import pytest
import stand

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, and kills as POSIX does")


def test_nothing_is_lost_when_the_engine_is_killed(tmp_path: Path) -> None:
    assert kills.kill_worker(10, 4, tmp_path, kills.Likeness()).total() == 10


def test_nothing_is_lost_when_the_command_is_killed(tmp_path: Path) -> None:
    assert kills.kill_command(5, 4, tmp_path, kills.Likeness()).total() == 5


def test_nothing_is_lost_when_the_disk_refuses(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    counted = disks.trouble(12, 4, tmp_path, disk, [disks.Refused()], kills.Likeness())
    assert counted.total() >= 12
    assert any(name.startswith("refused") for name in counted), "some of it must have been noticed"


def test_memory_is_flat_and_the_disk_is_as_predicted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_clip, "EARLY", 300)
    film = stand.SyntheticClip(length=40, height=48, width=80, radius=8)
    run = long_clip.Run(tmp_path, film, 600, "")
    try:
        run.draw(0)
        assert run.state
        used, each, free = run.state.disk
        seen, count, _ = run.propagate(0)
        took = run.state.disk[0] - used
    finally:
        run.client.close()
    assert count == 600
    assert seen[600] < seen[300] * 1.05
    assert 0.4 * each * 599 < took <= each * 599 < free


def test_the_checks_see_what_they_are_for(tmp_path: Path) -> None:
    """A check that cannot fail proves nothing."""
    media, folder = stand.write_media(tmp_path / "media"), tmp_path / "track"
    driver = stand.Driver(media, folder, tmp_path / "log")
    driver.open()
    driver.ask(stand.m.ApplyRound, 3, (kills.stroke(3, False),))
    driver.close()
    stand.check_left(folder, driver.seen)
    (path,) = driver.seen.mattes
    whole = path.read_bytes()
    for damage in (None, whole[:-5], whole.replace(b"IDAT", b"IDAX")):
        path.unlink() if damage is None else path.write_bytes(damage)
        with pytest.raises(stand.Torn):
            stand.check_left(folder, driver.seen)
    path.write_bytes(whole)
    journal = folder / "rounds.jsonl"
    journal.write_bytes(b"")
    with pytest.raises(stand.Torn, match="not in the journal"):
        stand.check_left(folder, driver.seen)
    (tmp_path / "out").mkdir()
    with pytest.raises(stand.Torn, match="0 of 16 pictures"):
        stand.check_sequence(tmp_path / "out", 16)
