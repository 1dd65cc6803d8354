"""Helpers for tests of the set-up: a folder of tiny wheels that make up a mock engine."""

from __future__ import annotations

import zipfile
from pathlib import Path

STAND_IN = '''
"""Takes the place of the engine's own modules that need real libraries."""
import importlib.abc, importlib.util, sys

CODE = {
    "blender_cutout.compose": """
import types
def load_engine(tier, device):
    return types.SimpleNamespace(tier="draft" if tier == "auto" else tier, foreground=lambda picture: picture)
def choose_device(device):
    return "cpu" if device == "auto" else device
""",
    "blender_cutout.worker.tier_timing": """
def fit_here(load, device):
    from blender_cutout.environment.tier_record import Fitted, this_machine
    return None, Fitted("draft", 0.12, device, this_machine())
""",
    "blender_cutout.core.synthetic": "MovingShape = lambda frames: [0] * frames",
    "blender_cutout.models.registry": "WEIGHTS, weight_path = {}, None",
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_loader(name, self) if name in CODE else None

    def exec_module(self, module):
        exec(CODE[module.__name__], module.__dict__)


sys.meta_path.insert(0, Finder())
'''
TORCH = """
import types
__version__ = "99.0"
cuda = types.SimpleNamespace(is_available=lambda: False)
backends = types.SimpleNamespace(mps=cuda)
"""
MODULES = {
    "torch": {"torch/__init__.py": TORCH, "cutout_stand_in.py": STAND_IN, "cutout.pth": "import cutout_stand_in\n"},
    "numpy": {"numpy.py": ""},
    "opencv_python_headless": {"cv2.py": ""},
    "av": {"av.py": ""},
    "openimageio": {"OpenImageIO.py": ""},
    "safetensors": {"safetensors.py": ""},
    "tqdm": {"tqdm.py": ""},
}


def write_wheels(folder: Path, without: str = "", broken: str = "") -> Path:
    """Writes wheels for everything that the engine needs, and returns the folder.

    Args:
        folder: where.
        without: name of one that is left out.
        broken: name of one whose module cannot be imported.
    """
    folder.mkdir(parents=True)
    for name, files in MODULES.items():
        if name == without:
            continue
        info = f"{name}-99.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-99.0-py3-none-any.whl", "w") as archive:
            for file, code in files.items():
                archive.writestr(file, "raise ImportError('torn')" if name == broken else code)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
    return folder
