"""Tests which folders a .blend may name, and what is copied and removed there; without Blender."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from received_kit import FRAMES, GOOD, OPERATION, OTHER, UUID, rendered, session
from received_kit import contents as entries

from blender_cutout.core.errors import InputError
from blender_cutout.host import contents, kept
from blender_cutout.host.places import Home, owned_folder


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(
        str(tmp_path / "post" / "shot.blend"), tmp_path / "user" / "unsaved", frozenset({tmp_path / "old" / UUID})
    )


@pytest.mark.parametrize(
    ("folder", "name", "where"),
    [
        (f"//shot_cutout/{UUID}", UUID, f"post/shot_cutout/{UUID}"),
        (f"//shot_cutout/{FRAMES}", FRAMES, f"post/shot_cutout/{FRAMES}"),
        (f"//shot 1_cutout/{UUID}", UUID, f"post/shot 1_cutout/{UUID}"),
        (f"//./shot_cutout//{UUID}/", UUID, f"post/shot_cutout/{UUID}"),
        (f"{{}}/post/shot_cutout/{UUID}", UUID, f"post/shot_cutout/{UUID}"),
        (f"{{}}/user/unsaved/{UUID}", UUID, f"user/unsaved/{UUID}"),
        (f"{{}}/old/{UUID}", UUID, f"old/{UUID}"),
    ],
)
def test_a_folder_of_the_file_itself_is_its_own(tmp_path: Path, home: Home, folder: str, name: str, where: str) -> None:
    assert owned_folder(home, folder.format(tmp_path), name) == tmp_path / where


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (f"//shot_cutout/{UUID}", GOOD),
        (f"//shot_cutout/{UUID}", UUID.upper()),
        (f"//shot_cutout/a/{UUID}", UUID),
        (f"//../post/shot_cutout/{UUID}", UUID),
        (f"//shot/{UUID}", UUID),
        (f"//{UUID}", UUID),
        (f"{{}}/old/{OTHER}", OTHER),
        (f"{{}}/user/{UUID}", UUID),
        (f"{{}}/elsewhere/shot_cutout/{UUID}", UUID),
        (f"//shot_cutout/{UUID}\0", UUID),
        ("//shot_cutout/frames-..", "frames-.."),
        ("//shot_cutout/frames-", "frames-"),
        ("", UUID),
        (None, UUID),
        (3, UUID),
        (f"//shot_cutout/{UUID}", None),
        (f"//shot_cutout/{UUID}", 3),
    ],
)
def test_no_other_folder_is(tmp_path: Path, home: Home, folder: Any, name: Any) -> None:
    with pytest.raises(InputError) as caught:
        owned_folder(home, folder.format(tmp_path) if isinstance(folder, str) else folder, name)
    assert caught.value.text.isprintable()
    assert "Nothing there was read or changed" in caught.value.hint


def test_a_file_that_was_never_saved_has_nothing_beside_it(tmp_path: Path, home: Home) -> None:
    unsaved = Home("", home.unsaved)
    assert owned_folder(unsaved, str(tmp_path / "user" / "unsaved" / UUID), UUID).name == UUID
    with pytest.raises(InputError, match="own folder"):
        owned_folder(unsaved, f"//shot_cutout/{UUID}", UUID)


def test_a_copy_shares_pictures_and_nothing_that_grows(tmp_path: Path) -> None:
    one = session(tmp_path / "one_cutout" / UUID)
    two = tmp_path / "two_cutout" / UUID
    contents.copy(one, two)
    copied = entries(two)
    assert {name: entry for name, entry in entries(one).items() if name != "lock"} == copied
    logs = [f"mattes/{OPERATION}/{name}.txt" for name in ("confidence", "confidences")]
    grows = ["session.json", "rounds.jsonl", *logs]
    for name, (_, data) in copied.items():
        if data:
            assert os.path.samefile(one / name, two / name) == (name not in grows)
    before = entries(one)
    for name in grows:
        with (two / name).open("ab") as file:
            file.write(b"more")
    assert entries(one) == before


def test_a_copy_takes_the_place_of_an_earlier_one_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, target = rendered(tmp_path / "new" / FRAMES, b"new"), rendered(tmp_path / "shot_cutout" / FRAMES, b"old")
    rendered(target.with_name(f".{FRAMES}.0a1b2c3d.copy"))  # of a Blender that was killed
    before = entries(target)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patch:
        patch.setattr(contents, "_share", full)
        with pytest.raises(OSError, match="no space left"):
            contents.copy(new, target)
    assert entries(target) == before
    contents.copy(new, target)
    assert entries(target) == entries(new)
    assert [entry.name for entry in target.parent.iterdir()] == [FRAMES]


@pytest.mark.parametrize(
    "name", ["thesis.txt", "mattes/thesis.txt", f"mattes/{OPERATION}/000001.exr", "imported/a.png"]
)
def test_a_folder_with_anything_else_in_it_is_not_removed(tmp_path: Path, name: str) -> None:
    folder = session(tmp_path / UUID)
    (folder / name).write_text("my own")
    before = entries(folder)
    assert contents.foreign(folder) == name
    assert not contents.remove(folder)
    assert entries(folder) == before
    (folder / name).unlink()
    assert contents.remove(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    "text", ["", "null", "3", '{"a": 1}', "[" * 100_000, "[[0]]", '[["a", 2, "b"]]', "[[2, 1, 3]]", "{"]
)
def test_texts_that_make_no_sense_say_nothing(text: str) -> None:
    assert kept.mattes(text, 10) == kept.ranges(text, 10) == kept.numbers(text, 10) == ()
    assert kept.record(text, first=int) is None


def test_what_a_text_says_is_cut_to_the_clip() -> None:
    assert kept.ranges("[[-5, 3], [7, 1000000000000]]", 10) == ((0, 3), (7, 10))
    assert kept.mattes(f'[[0, 99, "{OPERATION}"], [0, 5, "../../x"], [0, 5, "{OPERATION}-raw"]]', 10) == (
        (0, 10, OPERATION),
        (0, 5, f"{OPERATION}-raw"),
    )
    assert kept.numbers("[-1, 3, 9, 10, 2.5, true]", 10) == (3, 9)
    assert kept.record('{"first": 1, "more": 2}', first=int) == {"first": 1}
    assert kept.record('{"first": true}', first=int) is None
