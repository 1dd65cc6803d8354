"""Fixtures of all suites: a synthetic clip with known mattes, fake networks, an engine, and movies to read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:  # imported where used: the tests inside Blender have neither OpenCV nor torch
    from blender_cutout.core.engine import Engine
    from blender_cutout.core.fakes import FakePropagationNet, FakeScribbleNet, SyntheticClip


_STATUS = pytest.StashKey[int]()
_HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Isolates the tests from this machine: the user's engine, the tier timed here, pip's settings."""
    config.stash[_HOME] = os.environ["CUTOUT_HOME"] = tempfile.mkdtemp(prefix="cutout home ")
    for name in [name for name in os.environ if name.upper().startswith("PIP_")]:
        del os.environ[name]
    os.environ["PIP_CONFIG_FILE"] = os.devnull


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Inside Blender (-m bpy), collects only files with such tests: the others import missing libraries."""
    if config.option.markexpr != "bpy":
        return None
    files = collection_path.rglob("test_*.py") if collection_path.is_dir() else [collection_path]
    return None if any("pytest.mark.bpy" in f.read_text(encoding="utf-8") for f in files) else True


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Exits at once: Blender as a module may crash while Python shuts down, when all results are known.

    Leftover handlers or timers, which could keep Blender from exiting, are looked for after each test.
    """
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)
    if "bpy" in sys.modules and _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


@pytest.fixture
def clip() -> SyntheticClip:
    """A red disc moving over a grey background, 24 frames of 200 x 120, with known mattes."""
    from blender_cutout.core.fakes import SyntheticClip

    return SyntheticClip()


@pytest.fixture
def two_discs() -> SyntheticClip:
    """A red and a blue disc moving in opposite directions."""
    from blender_cutout.core.fakes import SyntheticClip

    return SyntheticClip(objects=2)


@pytest.fixture
def scribble_net() -> FakeScribbleNet:
    from blender_cutout.core.fakes import FakeScribbleNet

    return FakeScribbleNet()


@pytest.fixture
def propagation_net() -> FakePropagationNet:
    from blender_cutout.core.fakes import FakePropagationNet

    return FakePropagationNet()


@pytest.fixture
def engine(scribble_net: FakeScribbleNet, propagation_net: FakePropagationNet) -> Engine:
    """A working engine that segments by colour."""
    from blender_cutout.core.engine import Engine

    return Engine(scribble_net, propagation_net, tier="fake", weights_id="fake")


@pytest.fixture
def write_movie(tmp_path: Path) -> Callable[..., Path]:
    """A function that encodes pictures into a movie and returns its path."""
    import av

    def write(
        images: Iterable[np.ndarray],
        name: str = "clip.mp4",
        codec: str = "libx264",
        options: Mapping[str, str] | None = None,
        times: Iterable[int] | None = None,
        colorspace: int | None = None,
        container_options: Mapping[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        images = list(images)
        ticks = list(times) if times is not None else list(range(len(images)))
        with av.open(str(path), "w", options=dict(container_options or {})) as container:
            stream = container.add_stream(codec, rate=24, options=dict(options or {}))
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.codec_context.time_base = Fraction(1, 24)
            if colorspace is not None:
                stream.codec_context.colorspace = colorspace
            for image, tick in zip(images, ticks, strict=True):
                rgb = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame = rgb.reformat(format="yuv420p", dst_colorspace=colorspace or 5)
                frame.pts, frame.time_base = tick, Fraction(1, 24)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write
