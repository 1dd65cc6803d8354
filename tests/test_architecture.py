"""Tests the import rules and conventions of the source tree, read from syntax trees: nothing is imported.

Which room may import which is defined in pyproject.toml and tested by test_layers.py. What layers cannot express:

Blender's process             ->  of core only what needs nothing but the standard library; no numpy at import
the engine's process          ->  compose joins core and models, nothing else does; never bpy
core never torch or bpy       models never bpy, and cv2 only where pictures are read
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("blender_cutout", "core", "models")
LIGHT = {
    "atomic",
    "clips",
    "clips.shown_frames",
    "edges",
    "edges.bounds",
    "edges.settings",
    "errors",
    "file_lock",
    "frame_text",
    "json_values",
    "json_values.encoded",
    "json_values.kinds",
    "jobs",
    "jobs.finished",
    "jobs.job_file",
    "jobs.path_map",
    "jobs.queue_record",
    "messages",
    "protocol",
    "protocol.events",
    "protocol.requests",
    "session",
    "session.actions",
    "session.folder",
    "session.journal_end",
    "tiers",
    "tiers.ladder",
    "tiers.published",
    "tiers.table",
    "types",
}
"""Modules of core that Blender's process imports: nothing but the standard library when they are imported."""

BLENDER = {"bpy", "bpy_extras", "bpy_types", "gpu", "gpu_extras", "mathutils", "blf", "bmesh", "bl_ui", "addon_utils"}
ENGINE_FILES = ("worker/", "commands/", "evaluate/", "cli.py", "__main__.py", "compose.py")
"""Folders and files of blender_cutout that run in the engine's process."""

CHECKOUT_ONLY = {"__pycache__", "devtools"}
"""Not shipped: `blender_cutout/devtools` belongs to install.py, and runs scripts both in Blender and in the engine."""

LOOSE = {
    "blender_cutout": {"__init__", "__main__", "addon", "cli", "compose", "version"},
    "core": {
        *("__init__", "atomic", "engine", "errors", "fakes", "file_lock", "frame_text"),
        *("messages", "ports", "synthetic", "types"),
    },
}
"""Files that may be outside the rooms."""

MOST_LINES = 400
"""Of every Python file that is shipped, or belongs to `install.py`."""


def sources(*packages: str) -> list[Path]:
    """All Python files of the packages, relative to the root."""
    files = [p.relative_to(ROOT) for package in packages for p in (ROOT / package).rglob("*.py")]
    return sorted(f for f in files if not CHECKOUT_ONLY.intersection(f.parts))


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), str(path))


def imports(path: Path, at_import_only: bool = False) -> Iterator[str]:
    """Dotted names that a file imports, relative ones made absolute under `blender_cutout`.

    With `at_import_only` those inside functions and `if TYPE_CHECKING` are left out: they do not run at import.
    """
    package = list(path.parts[:-1]) if path.parts[0] == "blender_cutout" else ["blender_cutout", *path.parts[:-1]]
    pending: list[ast.AST] = [tree_of(path)]
    while pending:
        node = pending.pop()
        if at_import_only and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if at_import_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *(node.module.split(".") if node.module else [])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)
        pending += ast.iter_child_nodes(node)


def tops(path: Path, at_import_only: bool = False) -> set[str]:
    return {name.split(".")[0] for name in imports(path, at_import_only)}


def modules_of(path: Path, package: str, at_import_only: bool = False) -> set[str]:
    """The modules of `core` or `models` that a file imports, dotted, without the package's own name."""
    prefix = f"blender_cutout.{package}."
    found = {n.removeprefix(prefix) for n in imports(path, at_import_only) if n.startswith(prefix)}
    return {name for name in found if is_module(f"{package}.{name}")}


def is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def runs_in_engine(path: Path) -> bool:
    place = path.relative_to("blender_cutout").as_posix()
    return any(place.startswith(name) if name.endswith("/") else place == name for name in ENGINE_FILES)


ADDON = [p for p in sources("blender_cutout") if not runs_in_engine(p)]
ENGINE_SIDE = [p for p in sources("blender_cutout") if runs_in_engine(p)]


def test_a_file_of_blenders_process_is_not_taken_for_one_of_the_engines():
    assert Path("blender_cutout/client/process.py") in ADDON
    assert Path("blender_cutout/cli.py") in ENGINE_SIDE


def test_every_rule_names_files_that_are_there():
    for name in ENGINE_FILES:
        assert (ROOT / "blender_cutout" / name).exists(), name
    for name in LIGHT:
        assert is_module(f"core.{name}"), name


def test_the_files_are_found():
    assert len(sources("core")) > 10
    assert len(sources("models")) > 5
    assert ADDON
    assert ENGINE_SIDE


@pytest.mark.parametrize("package", sorted(LOOSE))
def test_whatever_has_a_room_lies_in_it(package):
    assert {p.stem for p in (ROOT / package).glob("*.py")} == LOOSE[package]


@pytest.mark.parametrize("path", sources("core"), ids=str)
def test_core_imports_neither_torch_nor_blender_nor_models_nor_the_addon(path):
    assert not tops(path) & ({"torch", "models", "core"} | BLENDER)
    assert all(n.startswith("blender_cutout.core") for n in imports(path) if n.startswith("blender_cutout"))


@pytest.mark.parametrize("path", sources("models"), ids=str)
def test_models_imports_neither_core_nor_blender_nor_the_addon(path):
    assert not tops(path) & ({"core", "models"} | BLENDER)
    assert all(n.startswith("blender_cutout.models") for n in imports(path) if n.startswith("blender_cutout"))


@pytest.mark.parametrize("path", [p for p in sources("models") if p.parts[1:3] != ("training", "samples")], ids=str)
def test_models_leaves_pictures_to_core(path):
    assert "cv2" not in tops(path)


def test_importing_the_models_package_does_not_import_torch():
    assert not tops(Path("models/__init__.py"), at_import_only=True) - {"__future__"}


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_values_errors_and_messages_import_only_each_other(name):
    path = Path("core", *name.split("."))
    path = path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")
    assert modules_of(path, "core", at_import_only=True) <= LIGHT
    assert not tops(path, at_import_only=True) & ({"numpy", "cv2", "torch", "av"} | BLENDER)


def test_the_packages_of_core_are_light():
    for path in (ROOT / "core").rglob("__init__.py"):
        assert not list(imports(path.relative_to(ROOT), at_import_only=True))


@pytest.mark.parametrize("path", ADDON, ids=str)
def test_the_addon_imports_only_values_errors_and_messages_of_core(path):
    loads_api = path.name == "__init__.py" and len(path.parts) == 2  # the public API, at first use only
    assert not modules_of(path, "models")
    assert modules_of(path, "core") <= LIGHT
    assert not tops(path) & {"torch", "cv2", "av", "safetensors"}
    assert "numpy" not in tops(path, at_import_only=True)
    if not loads_api:
        assert "blender_cutout.compose" not in set(imports(path))


@pytest.mark.parametrize("path", ENGINE_SIDE, ids=str)
def test_the_engines_process_does_without_blender_and_only_compose_joins(path):
    assert not tops(path) & BLENDER
    if path.name != "compose.py":
        assert not (modules_of(path, "core") - LIGHT and modules_of(path, "models"))


@pytest.mark.parametrize("path", [p for p in sources(*PACKAGES) if p != Path("blender_cutout/__init__.py")], ids=str)
def test_packages_import_themselves_relatively(path):
    """`blender_cutout` is `bl_ext.<repository>.blender_cutout` in Blender: an absolute import would miss it."""
    # It registers the canonical name before it imports.
    allowed = path == Path("blender_cutout/worker/entry.py")
    absolute = {
        node.module if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0)
        for alias in node.names
    }
    assert allowed or not {n for n in absolute if n and n.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("path", [*sources(*PACKAGES), Path("install.py")], ids=str)
def test_no_star_imports(path):
    names = [alias.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert "*" not in names


def long_files() -> list[str]:
    """The files with more than MOST_LINES lines, none excepted."""
    files = [ROOT / "install.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    return [
        path.relative_to(ROOT).as_posix()
        for path in sorted(files)
        if "__pycache__" not in path.parts and len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES
    ]


def test_no_file_is_long():
    assert not long_files()


def test_a_long_file_is_noticed_in_every_package(tmp_path, monkeypatch):
    names = [f"{package}/{place}" for package in sorted(PACKAGES) for place in ("loose.py", "room/inner/a.py")]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a = 1\n" * (MOST_LINES + 1), encoding="utf-8")
        (tmp_path / name).with_name("b.py").write_text("a = 1\n" * MOST_LINES, encoding="utf-8")
    (tmp_path / "install.py").write_text("a = 1\n" * (MOST_LINES + 1), encoding="utf-8")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert long_files() == sorted([*names, "install.py"])


@pytest.mark.parametrize("path", [p for p in sources(*PACKAGES) if p != Path("core/fakes.py")], ids=str)
def test_no_stand_in_reaches_a_user(path):
    assert not [n for n in imports(path) if n.split(".")[-1] == "fakes" or ".fakes." in n]


def test_the_rules_notice_what_breaks_them(tmp_path, monkeypatch):
    bad = {
        "core/a.py": "from ..models import registry",
        "core/b.py": "def f():\n    import torch",
        "core/c.py": "from .. import models",
        "core/engine.py": "",
        "models/registry.py": "",
        "blender_cutout/d.py": "from .core.engine import Engine",
        "blender_cutout/host/e.py": "from ..core import engine",
        "blender_cutout/f.py": "import numpy as np",
    }
    for name, text in bad.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert "blender_cutout.models" in set(imports(Path("core/a.py")))
    assert modules_of(Path("core/a.py"), "models") == {"registry"}
    assert "torch" in tops(Path("core/b.py"))
    assert "torch" not in tops(Path("core/b.py"), at_import_only=True)
    assert "blender_cutout.models" in set(imports(Path("core/c.py")))
    assert modules_of(Path("blender_cutout/d.py"), "core") == {"engine"}
    assert modules_of(Path("blender_cutout/host/e.py"), "core") == {"engine"}
    assert "numpy" in tops(Path("blender_cutout/f.py"), at_import_only=True)
