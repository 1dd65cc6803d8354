"""Tests that files appear complete or not at all, links are not written through, and nothing blocks."""

from __future__ import annotations

import os
import socket
import tracemalloc
from pathlib import Path

import pytest

from blender_cutout.core import atomic


def test_a_file_is_written_whole_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    atomic.write(tmp_path / "a.png", b"old")
    atomic.write(tmp_path / "a.png", b"new", durable=True)
    assert (tmp_path / "a.png").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.png"]


def test_what_goes_wrong_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    atomic.write(tmp_path / "a.png", b"old")

    def interrupted() -> None:
        with atomic.replacing(tmp_path / "a.png") as file:
            file.write(b"half")
            assert len(os.listdir(tmp_path)) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "private").write_bytes(b"mine")
    (tmp_path / "a.png").symlink_to("private")
    atomic.write(tmp_path / "a.png", b"new")
    assert (tmp_path / "private").read_bytes() == b"mine"
    assert not (tmp_path / "a.png").is_symlink()
    assert (tmp_path / "a.png").read_bytes() == b"new"


def test_a_temporary_name_that_is_taken_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "private").write_bytes(b"mine")
    tokens = [bytes(4), b"\x11" * 4]
    (tmp_path / ".a.png.00000000.part").symlink_to("private")
    monkeypatch.setattr(atomic.os, "urandom", lambda _: tokens.pop(0))
    atomic.write(tmp_path / "a.png", b"new")
    assert (tmp_path / "private").read_bytes() == b"mine"
    assert (tmp_path / "a.png").read_bytes() == b"new"


def test_a_temporary_folder_is_new_whatever_lies_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / ".matte.00000000.new").symlink_to("private")
    tokens = [bytes(4), b"\x11" * 4]
    monkeypatch.setattr(atomic.os, "urandom", lambda _: tokens.pop(0))
    made = atomic.new_folder_beside(tmp_path / "matte")
    (made / "000001.png").write_bytes(b"new")
    assert os.listdir(tmp_path / "private") == []
    assert set(atomic.leftovers(tmp_path / "matte", atomic.NEW)) == {made, tmp_path / ".matte.00000000.new"}
    assert atomic.leftovers(tmp_path / "matte", atomic.OLD) == []


@pytest.mark.parametrize(
    ("name", "target"),
    [
        (".000003.png.1a2b3c4d.part", "000003.png"),
        (".000009.png.123.part", "000009.png"),
        ("thesis.part", None),
        (".thesis.part", None),
        ("000003.png", None),
    ],
)
def test_what_a_killed_process_leaves_is_known_by_its_name(name: str, target: str | None) -> None:
    assert atomic.leftover_of(name) == target
    assert atomic.leftover_of(atomic.unused_name(Path("a") / "x.json").name) == "x.json"


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


@pytest.mark.parametrize("make", [_pipe, _socket, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY | os.O_APPEND | os.O_CREAT])
def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path: Path, monkeypatch, make, flags: int) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "it")
    with pytest.raises(atomic.NotOrdinary, match="Not an ordinary file but a "):
        atomic.open_regular(tmp_path / "it", flags)


def test_a_link_to_a_file_is_refused_where_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "broken").symlink_to("none")
    assert atomic.read_regular(tmp_path / "link", 10) == b"x" * 10
    with pytest.raises(atomic.NotOrdinary, match="a link"):
        atomic.read_regular(tmp_path / "link", 10, follow=False)
    with pytest.raises(atomic.NotOrdinary):
        atomic.open_regular(tmp_path / "broken", os.O_WRONLY | os.O_CREAT, follow=False)
    assert not (tmp_path / "none").exists()
    with pytest.raises(OSError, match="larger than 9 bytes"):
        atomic.read_regular(tmp_path / "file", 9)


def test_a_folder_is_made_but_a_link_to_one_is_refused(tmp_path: Path) -> None:
    atomic.make_folder(tmp_path / "new")
    atomic.make_folder(tmp_path / "new")
    (tmp_path / "link").symlink_to("new")
    with pytest.raises(atomic.NotOrdinary):
        atomic.make_folder(tmp_path / "link")
    assert atomic.is_folder(tmp_path / "new")
    assert not any(atomic.is_folder(tmp_path / name) for name in ("link", "none", "a\0b"))


def test_reading_takes_no_more_memory_than_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    tracemalloc.start()
    try:
        assert atomic.read_regular(tmp_path / "file", 2**40) == b"x" * 10
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()
