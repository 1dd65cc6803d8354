"""Builds the extension's zip: add-on, engine, networks with weights, manifest and manual as one package.

Standard library only. The same sources give the same bytes: sorted names, one date, one mode.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import manual_pages, wheel_facts

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = "blender_manifest.toml"
_DATE = (1980, 1, 1, 0, 0, 0)
_SUFFIXES = {".py", ".toml", ".safetensors", ".onnx", ".md", ".json", ".txt", ".js"}
# Training needs data that no artist has, and set-up and new graphs need a checkout: they are left out.
_LEFT_OUT = {"__pycache__", "training", "onnx_export", "devtools"}
_PACKED = {".safetensors": zipfile.ZIP_STORED, ".whl": zipfile.ZIP_STORED}
_PERMISSIONS = {"files", "network", "clipboard", "camera", "microphone"}


class PackageError(Exception):
    """The extension cannot be built; the message says what is wrong."""


def read_toml(path: Path) -> dict[str, Any]:
    """Returns the contents of a TOML file, on Python 3.10 too."""
    # Python 3.10 has no TOML parser of its own, but pip brings one.
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "pip._vendor.tomli")
    record: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    return record


def build(folder: Path, root: Path = ROOT, platform: str = "", wheels: Sequence[Path] = (), website: str = "") -> Path:
    """Builds `<id>-<version>.zip` in `folder`, complete or not at all.

    Args:
        folder: for the zip.
        root: the checkout.
        platform: Blender's name of the platform that the wheels are for; the zip's name then ends in it.
        wheels: libraries that Blender installs with the extension, which is then under their licences too; without them
            the engine must be set up.
        website: address of the page that Blender's button *Website* opens; "" = no button.

    Raises:
        PackageError: the manifest breaks the extension rules, or weights are missing.
        EnvironmentMissing: a wheel is damaged, or its licence is not known.
    """
    manifest = read_toml(root / "blender_cutout" / MANIFEST)
    problems = check_manifest(manifest, read_toml(root / "pyproject.toml")["project"]["version"])
    if website and not re.fullmatch(r"https?://[^\s\"\\\\]+", website):
        problems.append(f"{website!r} is not the address of a web page")
    files: dict[str, Path | bytes] = dict(contents(root))
    if not any(name.endswith(".safetensors") for name in files):
        problems.append("models/weights holds no weights: clone the repository again, or train the networks")
    if problems:
        raise PackageError("The extension cannot be built: " + "; ".join(problems) + ".")
    folder.mkdir(parents=True, exist_ok=True)
    end = f"-{platform.replace('-', '_')}" if platform else ""
    target = folder / f"{manifest['id']}-{manifest['version']}{end}.zip"
    part = target.with_suffix(f".part{os.getpid()}")
    facts = [wheel_facts.read(path) for path in wheels]
    files |= {f"wheels/{path.name}": path for path in wheels}
    files |= {f"manual/{name}": data for name, data in manual_pages.pages(root / "docs")}
    files |= wheel_facts.licence_files(facts) if facts else {}
    licences = [*manifest["license"], *sorted({f"SPDX:{item.licence}" for item in facts})]
    text = (root / "blender_cutout" / MANIFEST).read_text(encoding="utf-8")
    files[MANIFEST] = _completed(text, licences, website, platform, [path.name for path in wheels]).encode()
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, source in sorted(files.items()):
                info = zipfile.ZipInfo(name, _DATE)
                info.external_attr = 0o100644 << 16
                info.create_system = 3  # otherwise Windows and Linux write different bytes
                info.compress_type = _PACKED.get(Path(name).suffix, zipfile.ZIP_DEFLATED)
                archive.writestr(info, source if isinstance(source, bytes) else source.read_bytes())
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _completed(manifest: str, licences: Sequence[str], website: str, platform: str, wheels: Sequence[str]) -> str:
    """Returns the manifest with what a build adds, before the first table: there it belongs to the top level."""
    added = f'website = "{website}"\n' if website else ""
    if platform:
        listed = "".join(f'    "./wheels/{name}",\n' for name in sorted(wheels))
        added += f'platforms = ["{platform}"]\nwheels = [\n{listed}]\n'
    named = ", ".join(f'"{name}"' for name in licences)
    manifest = re.sub(r"(?m)^license = .*$", f"license = [{named}]", manifest)
    return manifest.replace("\n[", f"\n{added}\n[", 1) if added else manifest


def contents(root: Path = ROOT) -> Iterator[tuple[str, Path]]:
    """Yields (name in the zip, source file): `core` and `models` go inside the one package."""
    for folder, prefix in (("blender_cutout", ""), ("core", "core/"), ("models", "models/")):
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root / folder).parts
            if path.is_file() and path.suffix in _SUFFIXES and not _LEFT_OUT.intersection(parts):
                yield prefix + "/".join(parts), path
    yield "LICENSE", root / "LICENSE"


def check_manifest(manifest: dict[str, Any], version: str) -> list[str]:
    """Returns what breaks the rules of Blender's extension platform; empty if nothing does."""
    problems = []
    for key in ("schema_version", "id", "version", "name", "tagline", "maintainer", "type", "license"):
        if not manifest.get(key):
            problems.append(f"the manifest lacks {key}")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", str(manifest.get("id", ""))):
        problems.append("the manifest's id is not a plain lower-case name")
    if manifest.get("version") != version:
        problems.append(f"the manifest says version {manifest.get('version')}, pyproject.toml {version}")
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(manifest.get("blender_version_min", ""))):
        problems.append("blender_version_min is not of the form 4.2.0")
    lines = {"tagline": manifest.get("tagline", ""), **manifest.get("permissions", {})}
    for key, text in lines.items():
        if len(text) > 64 or text.endswith("."):
            problems.append(f"{key} has more than 64 letters or ends in a full stop")
    unknown = set(manifest.get("permissions", {})) - _PERMISSIONS
    if unknown:
        problems.append(f"unknown permissions: {', '.join(sorted(unknown))}")
    if not all(str(item).startswith("SPDX:") for item in manifest.get("license", [])):
        problems.append("a licence is not given as SPDX:NAME")
    return problems
