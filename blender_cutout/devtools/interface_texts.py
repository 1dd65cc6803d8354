"""Finds every text that an artist can see in Blender, by reading the sources; run as a program, lists what is missing.

A text with changing parts becomes a template: f"{count} of {total} frames" is "{0} of {1} frames". Parts with a
number's format keep it, as in "{0:d}", and then match only numbers. Parts that choose between texts are expanded.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from ..core.tiers.table import TIERS
from ..languages import catalogue
from .untranslated import ENGLISH, FILES, NAMES, WORDS

ROOT = Path(__file__).resolve().parents[2]
BLENDER_ROOMS = ("ui", "operators", "tasks", "scene", "host", "strokes", "geometry", "client")
"""Rooms of Blender's process: every literal in them that reads like English is a text."""
ENGINE_ROOMS = (
    "core",
    "blender_cutout/worker",
    "blender_cutout/environment",
    "blender_cutout/formats",
    "models/inference",
)
"""Rooms whose errors, warnings and summaries reach Blender: only whole sentences in them are texts."""

_MOST_CHOICES = 24
_SILENT_CALLS = {
    "debug",
    "info",
    "warning",
    "exception",
    "getLogger",
    "getattr",
    "setattr",
    "hasattr",
    "startswith",
    "endswith",
    "split",
    "partition",
    "rpartition",
    "replace",
    "removeprefix",
    "removesuffix",
    "strip",
    "compile",
    "fullmatch",
    "match",
    "TypeVar",
    "add_argument",
    "print",
}
_SILENT_ERRORS = {
    "ValueError",
    "TypeError",
    "RuntimeError",
    "TimeoutError",
    "KeyError",
    "AssertionError",
    "AttributeError",
    "NotImplementedError",
    "OSError",
}
_SILENT_KEYWORDS = {"icon", "subtype", "options", "type", "mode", "errors", "encoding", "bl_idname", "idname"}
_SILENT_NAMES = {
    "bl_idname",
    "bl_space_type",
    "bl_region_type",
    "bl_context_mode",
    "bl_icon",
    "bl_cursor",
    "__all__",
    "bl_parent_id",
    "bl_options",
}
_WORD = re.compile(r"[A-Z][a-z]{1,}[\w/-]*(…)?")
_SHOWS = {"shown", "tooltip", "report"}
"""Functions whose literals are always shown."""
_PART = re.compile(r"\{\w*(?::\w+)?\}")


def interface_texts(root: Path = ROOT) -> dict[str, str]:
    """Returns every text and where it is, as "file:line"."""
    found: dict[str, str] = {}
    for path, whole in _files(root):
        if path.relative_to(root).as_posix() in FILES:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        for text, line in _texts(tree, whole):
            if text.strip() not in NAMES | ENGLISH:
                found.setdefault(text.strip(), f"{path.relative_to(root).as_posix()}:{line}")
    for word in (*WORDS, *map(str.capitalize, TIERS)):
        found.setdefault(word, "a part of other texts")
    return found


def _files(root: Path) -> Iterator[tuple[Path, bool]]:
    """Yields the files that hold texts, and whether only whole sentences in them count."""
    for room in BLENDER_ROOMS:
        for path in sorted((root / "blender_cutout" / room).rglob("*.py")):
            yield path, False
    for room in ENGINE_ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            yield path, True


def _texts(tree: ast.AST, whole: bool) -> Iterator[tuple[str, int]]:
    """Yields the texts below a node and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _SHOWS:
            for part in [p for a in node.args for p in (a.values if isinstance(a, ast.BoolOp) else [a])]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                    yield part.value, part.lineno
    for node in _visible(tree):
        for text in _choices(node):
            if _reads_like_text(text, whole):
                yield text, node.lineno


def _visible(node: ast.AST) -> Iterator[ast.expr]:
    """Yields the outermost expressions below a node that make a string which may be shown."""
    if isinstance(node, ast.expr) and _is_text(node):
        if isinstance(node, ast.BinOp) and not _is_text(node.left):  # a sentence is added to another text
            yield from _visible(node.left)
            node = node.right
        yield node
        for inner in ast.walk(node):
            if isinstance(inner, ast.FormattedValue) and not _is_choice(inner.value):
                yield from _visible(inner.value)
        return
    for child in _children(node):
        yield from _visible(child)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes below one that may hold shown texts: neither docstrings nor annotations nor what is compared."""
    if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        yield from (child for child in node.body if not _is_bare_string(child))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (d for d in (*node.args.defaults, *node.args.kw_defaults) if d is not None)
    elif isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield node.value
    elif isinstance(node, ast.Assign):
        if not {getattr(target, "id", "") for target in node.targets} & _SILENT_NAMES:
            yield node.value
        yield from node.targets  # a button may be drawn there: `layout.operator(…).direction = …`
    elif isinstance(node, ast.Compare):
        yield from (part for part in (node.left, *node.comparators) if isinstance(part, ast.Call))
    elif isinstance(node, ast.Subscript):
        yield node.value
    elif isinstance(node, ast.Dict):
        yield from (value for value in node.values)
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        yield node.func
        if name in _SILENT_ERRORS or name in _SILENT_CALLS:
            return
        yield from node.args
        yield from (k.value for k in node.keywords if k.arg not in _SILENT_KEYWORDS)
    else:
        yield from ast.iter_child_nodes(node)


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_text(node: ast.expr) -> bool:
    """Returns True if the expression surely makes a string."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.IfExp):
        return _is_choice(node)
    return isinstance(node, ast.JoinedStr) or _is_frame_text(node)


def _is_choice(node: ast.expr) -> bool:
    return isinstance(node, ast.IfExp) and _is_text(node.body) and _is_text(node.orelse)


def _is_frame_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "FrameText"


def _choices(node: ast.expr) -> list[str]:
    """Returns the templates that an expression can make."""
    found: list[str] = []
    for parts in itertools.islice(itertools.product(*_parts(node)), _MOST_CHOICES):
        numbers = itertools.count()
        text = "".join(parts)
        found.append(re.sub("\0(:\\w+)?\0", lambda m: f"{{{next(numbers)}{m[1] or ''}}}", text))  # noqa: B023
    return found


def _parts(node: ast.expr) -> list[list[str]]:
    """Returns what each part of an expression can be; a changing part is marked by zero bytes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [[node.value]]
    if isinstance(node, ast.JoinedStr):
        return [part for value in node.values for part in _parts(value)]
    if isinstance(node, ast.FormattedValue):
        if _is_choice(node.value):
            return _parts(node.value)
        form = ast.unparse(node.format_spec)[2:-1] if node.format_spec is not None else ""
        return [["\0:" + form[-1] + "\0" if form[-1:] in ("d", "f", "g") else "\0\0"]]
    if isinstance(node, ast.BinOp) and _is_text(node):
        return _parts(node.left) + _parts(node.right)
    if isinstance(node, ast.IfExp) and _is_choice(node):
        return [["".join(way) for side in (node.body, node.orelse) for way in itertools.product(*_parts(side))]]
    if _is_frame_text(node):
        pieces = (p for arg in node.args for p in (arg.value.elts if isinstance(arg, ast.Starred) else [arg]))  # type: ignore[attr-defined]
        return [part for piece in pieces for part in _parts(piece)]
    return [["\0\0"]]


def _reads_like_text(text: str, whole: bool) -> bool:
    """Returns True if a string is meant for people; `whole`: only sentences and other long texts count."""
    bare = _PART.sub("", text)
    letters = sum(c.isalpha() for c in bare)
    if (
        letters < 2
        or re.search(r"[_\\<>]|==|--|::|//|^[./#%]\\S", bare)
        or ("\n" in text.strip() and len(text.split()) < 9)
    ):
        return False
    if whole:
        return " " in text.strip() and letters > 8 and (text[:1].isupper() or text[:1] == "{")
    return " " in bare.strip() or bare != text or bool(_WORD.fullmatch(text))


def missing(language: str) -> dict[str, str]:
    """Returns the texts that a language lacks, and where they are."""
    known = catalogue.load(language).texts
    return {text: where for text, where in interface_texts().items() if text not in known}


def main() -> int:
    """Prints what the languages lack; returns the exit code."""
    lacking = {language: missing(language) for language in catalogue.languages()}
    for language, texts in lacking.items():
        for text, where in texts.items():
            print(f"{language}: {text!r} ({where})")
    return 1 if any(lacking.values()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
