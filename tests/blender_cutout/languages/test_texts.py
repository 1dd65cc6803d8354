"""Tests that every text an artist can see is translated into every language, and that the translations fit it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from blender_cutout.devtools import interface_texts, package
from blender_cutout.languages import catalogue

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ("de", "es", "fr", "ja", "zh")
STOPS = tuple(".。!！")
LAYOUT = {"label", "operator", "prop", "progress", "menu", "operator_menu_enum"}
SHOWN = {"shown", "tooltip", "report"}
TEXTS = interface_texts.interface_texts()


def texts_of(language: str) -> dict[str, str]:
    return catalogue.load(language).texts


def test_the_languages_are_there():
    assert catalogue.languages() == LANGUAGES


def test_texts_are_found_wherever_they_are():
    for text in (
        "New Cutout",  # a label
        "Strength of the tint or the outline",  # a description
        "Black/White",  # an item of an enum
        "Select {0}",  # a finished text
        "none",  # a word
        "{0} of {1} frames have no mask and stay {2}.",  # a message
        "There is no finer tier",  # one of two
        "{0} has no mask yet, so it cannot be locked.",  # with a frame
        "The mask {0} cannot be read ({1}).",  # from the engine
        "The engine is set up and works.",  # from the set-up
    ):
        assert text in TEXTS, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_left_over(language):
    assert not sorted(set(texts_of(language)) - set(TEXTS))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_same_parts_and_ends_alike(language):
    for text, translation in texts_of(language).items():
        parts = [[part[0] for part in catalogue.PART.findall(t)] for t in (text, translation)]
        assert sorted(parts[0]) == sorted(parts[1]), text
        assert translation.endswith(STOPS) == text.endswith(STOPS), text
        assert translation.strip() == translation, text
        assert translation, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_are_sorted_one_text_a_line(language):
    texts = texts_of(language)
    assert list(texts) == sorted(texts)
    lines = (catalogue.FOLDER / f"{language}.json").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(texts) + 2


def test_the_zip_has_them():
    names = {name for name, _ in package.contents()}
    assert names >= {f"languages/{language}.json" for language in LANGUAGES}


def drawn() -> Iterator[tuple[str, ast.expr]]:
    """Yields every text that is handed to Blender, and where."""
    for room in ("ui", "operators"):
        for path in sorted((ROOT / "blender_cutout" / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                name = getattr(getattr(node, "func", None), "attr", "")
                where = f"{path.name}:{getattr(node, 'lineno', 0)}"
                if name in LAYOUT:
                    yield from ((where, k.value) for k in node.keywords if k.arg == "text")
                elif name == "poll_message_set":
                    yield where, node.args[0]
                elif name == "report":
                    yield where, node.args[1]
                elif isinstance(node, ast.FunctionDef) and node.name == "description":
                    yield from ((where, n.value) for n in ast.walk(node) if isinstance(n, ast.Return) and n.value)


def finished(node: ast.expr) -> Iterator[ast.expr]:
    """Yields the f-strings in an expression that Blender could not find, outside of what translates them."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SHOWN:
        return
    if isinstance(node, ast.JoinedStr):
        words = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        if any(map(str.isalpha, words)):
            yield node
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format":
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from finished(child)


def test_finished_texts_are_translated_before_blender_shows_them():
    assert not [where for where, node in drawn() for _ in finished(node)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing(language):
    """What is missing is printed by `python -m blender_cutout.devtools.interface_texts`."""
    assert not interface_texts.missing(language)
