"""Translates shown texts, including those with numbers and names in them.

A file of a language maps English texts to translations. A text with changing parts is a template, "{0} of {1} frames";
a finished sentence is matched to its template by its fixed words, so callers need not know which one it was. So the
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
_WIDE = "\u2e7f"
"""Letters after this one are Chinese or Japanese."""
_SHORT = 6
"""Templates with fewer letters may fit a text by chance."""
_DEEPEST = 4
"""How deeply translated parts of a text may be nested."""


class _Template(NamedTuple):
    fixed: tuple[str, ...]
    names: tuple[str, ...]
    numeric: tuple[bool, ...]
    translation: str
    letters: int

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
        if depth > _DEEPEST:
            return self.texts.get(text, text)
        whole = self._known(text, depth)
        if whole is not None:
            return whole
        if text[:1].isdigit() and ", " in text:  # frames
            return ", ".join(self._part(one, depth + 1) for one in text.split(", "))
        ends = [match.end() for match in _SENTENCE_END.finditer(text)]
        for end in reversed(ends):
            begin = self._known(text[:end].rstrip(), depth)
            if begin is not None:
                return f"{begin} {self.translated(text[end:], depth)}"
        whole = self._from_template(text, depth, of_sentences=True)
        if whole is not None:
            return whole
        if ends:
            return f"{self._named(text[: ends[0]].rstrip(), depth)} {self.translated(text[ends[0] :], depth)}"
        return self._named(text, depth)

    def _known(self, text: str, depth: int) -> str | None:
        """Returns the translation of a text, or of a sentence that begins with a frame; None if there is none."""
        exact = self.texts.get(text)
        if exact is None and (sentence := self.texts.get(text + ".")):  # tooltips end without a full stop
            exact = sentence.rstrip(".。")
        if exact is None and text.endswith(".") and (phrase := self.texts.get(text[:-1])):
            exact = phrase + ("。" if phrase[-1] > _WIDE else ".")
        if exact is None:
            exact = self._from_template(text, depth)
        if exact is None and text[:1].isupper():
            lower = text[:1].lower() + text[1:]
            exact = self.texts.get(lower) or self._from_template(lower, depth)
            return exact[:1].upper() + exact[1:] if exact is not None else None
        return exact

    def _from_template(self, text: str, depth: int, of_sentences: bool = False) -> str | None:
        """Returns a text that was made from a template translated; `of_sentences`: its parts may hold several."""
        if self._templates is None:
            self._templates = _templates(self.texts)
        for template in self._templates:
            stop = "." if text.endswith(".") and not template.fixed[-1].endswith(".") else ""
            parts = template.match(text.removesuffix(stop))
            if parts is None or (not of_sentences and any(map(_SENTENCE_END.search, parts.values()))):
                continue
            shown = {name: self._part(part, depth + 1) for name, part in parts.items()}
            if template.letters < _SHORT and any(_is_foreign(part, shown[name]) for name, part in parts.items()):
                continue
            made = PART.sub(lambda m, s=shown: s.get(m[1], m[0]), template.translation)  # type: ignore[misc]
            return made + ("。" if stop and made[-1:] > _WIDE else stop)
        return None

    def _part(self, part: str, depth: int) -> str:
        """Translates a changing part: a phrase of ours, never a single word, which may be a name the artist gave."""
        bare = part.strip()
        return part.replace(bare, self.translated(bare, depth)) if " " in bare or bare[:1].islower() else part

    def _named(self, text: str, depth: int) -> str:
        """Returns a text of the form "what: rest" translated."""
        before, colon, after = text.partition(": ")
        return f"{self.texts.get(before, before)}: {self.translated(after, depth + 1)}" if colon else text


def _is_foreign(part: str, shown: str) -> bool:
    """Returns True for several words that are not ours, which a short template matches only by chance."""
    return part == shown and " " in part.strip() and not part[:1].isdigit()


def _templates(texts: dict[str, str]) -> tuple[_Template, ...]:
    """Returns the templates among the texts, those with the most fixed letters first."""
    found = []
    for text, translation in texts.items():
        parts = list(PART.finditer(text))
        if parts:
            edges = [0, *(at for part in parts for at in part.span()), len(text)]
            fixed = tuple(text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
            names, numeric = tuple(part[1] for part in parts), tuple(part[2] is not None for part in parts)
            letters = sum(letter.isalpha() for letter in "".join(fixed))
            found.append(_Template(fixed, names, numeric, translation, letters))
    return tuple(sorted(found, key=lambda template: (-template.letters, -sum(map(len, template.fixed)))))


def languages(folder: Path = FOLDER) -> tuple[str, ...]:
    """Returns the codes of the languages that have a file, without country: "de"."""
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
