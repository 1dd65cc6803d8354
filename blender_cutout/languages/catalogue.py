"""Translates shown texts, including those with numbers and names in them.

A file of a language maps English texts to translations. A text with changing parts is a template, "{0} of {1} frames";
whoever shows a finished sentence need not know from which template it was made: it is found by its fixed words. So the
engine, the journals and the command line stay English, and a message changes its language with the interface.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
PART = re.compile(r"\{(\w*)(?::(\w+))?\}")
"""A changing part of a template: its name, and the format of a number, which then matches only numbers."""
_NUMBER = re.compile(r"-?\d+([.,]\d+)?(e[+-]?\d+)?|nan|inf")
_SENTENCE_END = re.compile(r"(?<=[.!?…)]) +(?=\S)")
_DEEPEST = 4
"""How often parts of a text are translated within parts."""


class _Template(NamedTuple):
    fixed: tuple[str, ...]
    names: tuple[str, ...]
    numeric: tuple[bool, ...]
    translation: str

    def match(self, text: str) -> dict[str, str] | None:
        """Returns the changing parts of a text; None if it was not made from this template."""
        first, *middle = self.fixed
        if not text.startswith(first) or not text.endswith(middle[-1]):
            return None
        at, parts = len(first), []
        for number, fixed in enumerate(middle):
            last = number == len(middle) - 1
            end = len(text) - len(fixed) if last else text.find(fixed, at + 1)
            if end <= at or (self.numeric[number] and not _NUMBER.fullmatch(text[at:end])):
                return None
            parts.append(text[at:end])
            at = end + len(fixed)
        return dict(zip(self.names, parts, strict=True))


class Catalogue:
    """The texts of one language.

    Args:
        texts: English text or template to its translation.
    """

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self._templates: tuple[_Template, ...] | None = None
        self.translated = lru_cache(maxsize=1024)(self._translated)

    def _translated(self, text: str, depth: int = 0) -> str:
        """Returns the translation of a shown text; the text itself if there is none."""
        known = self._known(text, depth)
        if known is None and text[:1].isupper():  # a sentence that begins with a frame
            known = self._known(text[:1].lower() + text[1:], depth)
            known = known[:1].upper() + known[1:] if known is not None else None
        return known if known is not None else self._pieces(text, depth)

    def _known(self, text: str, depth: int) -> str | None:
        exact = self.texts.get(text)
        if exact is None and (sentence := self.texts.get(text + ".")):  # tooltips end without a full stop
            exact = sentence.rstrip(".。")
        if exact is not None or depth > _DEEPEST:
            return exact
        if self._templates is None:
            self._templates = _templates(self.texts)
        for template in self._templates:
            parts = template.match(text)
            if parts is not None:
                shown = {name: self._part(part, depth + 1) for name, part in parts.items()}
                return PART.sub(lambda m, s=shown: s.get(m[1], m[0]), template.translation)  # type: ignore[misc]
        return None

    def _part(self, part: str, depth: int) -> str:
        """Returns a changing part translated: a phrase of ours, never a single word that may be the artist's name."""
        return self.translated(part, depth) if " " in part or part[:1].islower() else part

    def _pieces(self, text: str, depth: int) -> str:
        """Returns a text translated sentence by sentence, and what is before and after a colon."""
        if depth > _DEEPEST:
            return text
        if text[:1].isdigit() and ", " in text:  # frames
            return ", ".join(self._part(one, depth + 1) for one in text.split(", "))
        ends = [match.end() for match in _SENTENCE_END.finditer(text)]
        for end in reversed(ends):
            begin = text[:end].rstrip()
            known = self._known(begin, depth)
            if known is not None:
                return f"{known} {self.translated(text[end:], depth)}"
        if ends:
            return f"{text[: ends[0]].rstrip()} {self.translated(text[ends[0] :], depth)}"
        before, colon, after = text.partition(": ")
        if not colon:
            return text
        return f"{self.texts.get(before, before)}: {self.translated(after, depth + 1)}"


def _templates(texts: dict[str, str]) -> tuple[_Template, ...]:
    """Returns the templates among the texts, those with the most fixed letters first."""
    found = []
    for text, translation in texts.items():
        parts = list(PART.finditer(text))
        if parts:
            edges = [0, *(at for part in parts for at in part.span()), len(text)]
            fixed = tuple(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
            names, numeric = tuple(part[1] for part in parts), tuple(part[2] is not None for part in parts)
            found.append(_Template(fixed, names, numeric, translation))
    return tuple(sorted(found, key=lambda template: -sum(map(len, template.fixed))))


def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """Returns the languages that have a file, by their code without country: "de"."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def language_of(locale: str, folder: Path = FOLDER) -> str:
    """Returns the language for one of Blender's locales, whose names differ between versions; "" = English.

    Chinese is simplified for all locales but traditional ones.
    """
    code = re.split(r"[_@]", locale, maxsplit=1)[0]
    if code == "zh" and locale.partition("_")[2] in ("TW", "HANT", "HK"):
        return ""
    return code if code and (folder / f"{code}.json").is_file() else ""


def load(language: str, folder: Path = FOLDER) -> Catalogue:
    """Returns the texts of a language."""
    return Catalogue(json.loads((folder / f"{language}.json").read_text(encoding="utf-8")))
