"""Tests Set Up Engine in Blender: a real process makes a real environment from a folder of wheels, offline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import setup_kit
import venv_kit

pytestmark = [pytest.mark.bpy, pytest.mark.timeout(280)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user who has no engine yet."""
    folder = tmp_path / "Heim für alles"
    monkeypatch.setenv("CUTOUT_HOME", str(folder))
    monkeypatch.delenv("CUTOUT_PYTHON", raising=False)
    return folder


@pytest.fixture
def choose(blender: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets the preferences."""
    from blender_cutout.scene import preference_values

    def set_preferences(**chosen: str) -> None:
        monkeypatch.setattr(preference_values, "current", lambda: preference_values.Settings(**chosen))

    set_preferences()
    return set_preferences


@pytest.fixture
def setup(blender: Any) -> Iterator[Any]:
    from blender_cutout.environment.installer import SetupProgress
    from blender_cutout.tasks.engine_setup import setup

    setup.installer.progress = SetupProgress()
    yield setup
    setup.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment without libraries on Blender's Python, to be copied."""
    from blender_cutout.environment.interpreters import blenders_python

    return venv_kit.template(tmp_path_factory.mktemp("venv") / "made", Path(blenders_python()))


@pytest.fixture
def begun(home: Path, made: Path) -> Path:
    """The user's engine as a set-up leaves it that was ended before it installed a library."""
    from blender_cutout.environment import own_folder

    own_folder.claim(home / "engine")
    return venv_kit.copy_into(made, home / "engine")


def begin(setup: Any, wheels: Path) -> None:
    """Presses the button as a user does, without waiting."""
    from blender_cutout.environment.interpreters import blenders_python

    setup.begin("setup", blenders_python(), {"device": "cpu", "tier": "auto", "wheels": str(wheels)})


def until(setup: Any, done: Callable[[Any], bool]) -> Any:
    """Takes steps as the timer does; none may take long."""
    deadline = time.monotonic() + 200
    while not done(setup.installer.progress):
        assert time.monotonic() < deadline, setup.installer.progress
        started = time.thread_time()
        setup.step()
        assert time.thread_time() - started < 0.05, "Blender's main thread is not to be kept"
        time.sleep(0.02)
    return setup.installer.progress


def shown(setup: Any) -> str:
    """Returns the texts in the preferences."""
    from blender_cutout.ui import engine_box, setup_view

    setup.look()
    view = setup_view.view(setup.installer.progress, engine_box.situation())
    return "\n".join([*(line.text for line in view.lines), view.bar, *(button.text for button in view.buttons)])


def test_from_the_folder_of_wheels_to_a_tested_engine(
    blender: Any, home: Path, choose: Any, setup: Any, tmp_path: Path
) -> None:
    from blender_cutout.environment import venv

    assert "not installed" in shown(setup)
    wheels = setup_kit.write_wheels(tmp_path / "Räder")
    choose(wheels=str(wheels), device="cpu")
    assert "nothing is downloaded" in shown(setup)
    assert blender.ops.cutout.set_up_engine() == {"FINISHED"}
    words = shown(setup)
    assert "Self-test: tier draft on cpu" in words
    assert "Tier: draft (0.12 s per frame; auto)" in words
    assert "Set Up Again" in words
    assert str(venv.worker_python()) in words
    assert sorted(p.name for p in home.iterdir()) == ["engine", "engine.lock", "tier.json"], (
        "no temporary files are left"
    )
    version = subprocess.run(
        [venv.worker_python(), "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True
    ).stdout
    assert version.split() == [str(n) for n in sys.version_info[:2]], "it is built on Blender's own Python"
    started = time.monotonic()
    begin(setup, wheels)
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "done", progress
    assert time.monotonic() - started < 60, "nothing is made twice"


def test_cancel_ends_everything_and_the_next_time_goes_on(
    blender: Any, home: Path, choose: Any, setup: Any, tmp_path: Path
) -> None:
    from blender_cutout.environment import venv

    wheels = setup_kit.write_wheels(tmp_path / "wheels")
    begin(setup, wheels)
    until(setup, lambda p: "Python environment" in p.step)
    assert "Cancel" in shown(setup)
    with pytest.raises(RuntimeError, match="already"):
        blender.ops.cutout.check_installation()
    blender.ops.cutout.cancel_set_up()
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "cancelled"
    assert "was cancelled" in shown(setup)
    assert not venv.is_complete(venv.engine_folder())
    assert not venv.scratch_of(venv.engine_folder()).exists()
    begin(setup, wheels)
    assert until(setup, lambda p: not setup.installer.running).phase == "done"


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is not known there")
def test_killed_half_way_it_is_never_used_and_made_next_time(
    blender: Any, home: Path, begun: Path, choose: Any, setup: Any, tmp_path: Path
) -> None:
    from blender_cutout.core.errors import EnvironmentMissing
    from blender_cutout.environment import venv

    wheels = setup_kit.write_wheels(tmp_path / "wheels")
    begin(setup, wheels)
    until(setup, lambda p: "other libraries" in p.step)
    os.killpg(setup.installer._process.pid, signal.SIGKILL)
    progress = until(setup, lambda p: not setup.installer.running)
    assert progress.phase == "failed"
    assert "ended unexpectedly" in progress.text
    with pytest.raises(EnvironmentMissing, match="interrupted"):
        venv.worker_python()
    # As when pip was in the middle of a library: it takes it for installed.
    torn = next((home / "engine").glob("[Ll]ib*/**/torch-99.0.dist-info/RECORD"))
    torn.unlink()
    begin(setup, wheels)
    assert until(setup, lambda p: not setup.installer.running).phase == "done"
    assert list((home / "engine").glob("[Ll]ib*/**/torch-99.0.dist-info/RECORD")), "the broken library was reinstalled"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("offline", "stay offline.*Allow Online Access"),
        ("no folder", "folder of wheels does not exist"),
        ("no wheels", "There are no wheels in"),
        ("chosen", "existing Python is chosen"),
    ],
)
def test_what_cannot_work_is_reported_in_one_message(
    blender: Any, home: Path, choose: Any, setup: Any, tmp_path: Path, kind: str, message: str
) -> None:
    assert not blender.app.online_access
    if kind == "no folder":
        choose(wheels=str(tmp_path / "fehlt"))
    elif kind == "no wheels":
        (tmp_path / "leer").mkdir()
        choose(wheels=str(tmp_path / "leer"))
    elif kind == "chosen":
        choose(engine_python=sys.executable)
    with pytest.raises(RuntimeError, match=message):
        blender.ops.cutout.set_up_engine()
    assert blender.context.window_manager.cutout.level == "ERROR"
    assert blender.context.window_manager.cutout.hint
    assert not (home / "engine").exists()


def test_a_wheel_that_is_missing_is_named(
    blender: Any, home: Path, begun: Path, choose: Any, setup: Any, tmp_path: Path
) -> None:
    from blender_cutout.environment import venv

    choose(wheels=str(setup_kit.write_wheels(tmp_path / "wheels", without="av")))
    with pytest.raises(RuntimeError, match=r"av>=12.*pip download"):
        blender.ops.cutout.set_up_engine()
    assert not venv.is_complete(venv.engine_folder())


def test_a_broken_library_fails_the_self_test_and_is_not_kept(
    blender: Any, home: Path, begun: Path, choose: Any, setup: Any, tmp_path: Path
) -> None:
    choose(wheels=str(setup_kit.write_wheels(tmp_path / "wheels", broken="opencv_python_headless")))
    with pytest.raises(RuntimeError, match=r"OpenCV is missing or broken.*torn"):
        blender.ops.cutout.set_up_engine()
    assert not (home / "engine").exists()


def test_an_existing_python_is_checked(blender: Any, home: Path, choose: Any, setup: Any, tmp_path: Path) -> None:
    choose(engine_python=str(tmp_path / "fehlt"))
    with pytest.raises(RuntimeError, match="does not exist"):
        blender.ops.cutout.check_installation()
    assert "Correct it" in shown(setup)
    choose(engine_python=sys.executable)  # Blender's: it has no PyTorch
    with pytest.raises(RuntimeError, match=r"PyTorch.*missing"):
        blender.ops.cutout.check_installation()
    no_python = tmp_path / "no python"
    no_python.write_text("hello")
    choose(engine_python=str(no_python))
    with pytest.raises(RuntimeError, match="does not start"):
        blender.ops.cutout.check_installation()


def test_nothing_is_left_when_the_addon_goes(blender: Any, home: Path, setup: Any, tmp_path: Path) -> None:
    begin(setup, setup_kit.write_wheels(tmp_path / "wheels"))
    until(setup, lambda p: bool(p.step))
    pid = setup.installer._process.pid
    setup.close()
    assert not setup.installer.running
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_preferences_draw_every_state(blender: Any, home: Path, setup: Any) -> None:
    from types import SimpleNamespace

    from blender_cutout.environment.installer import SetupProgress
    from blender_cutout.ui import engine_box

    class Paper:
        notes: list[str] = []  # noqa: RUF012

        def __getattr__(self, name: str) -> Callable[..., Any]:
            def draw(*args: Any, **kwargs: Any) -> Any:
                self.notes.append(f"{name} {args[0] if args else ''} {kwargs.get('text', '')}")
                return self

            return draw

    for phase in ("idle", "running", "cancelling", "done", "failed", "cancelled"):
        Paper.notes.clear()
        setup.installer.progress = SetupProgress(phase, "setup", "Installing PyTorch", 0.4, "Downloading", "It ended.")
        engine_box.draw(SimpleNamespace(region=None), Paper())
        drawn = "\n".join(Paper.notes)
        assert ("progress" in drawn) == (phase in ("running", "cancelling"))
        assert ("operator cutout.cancel_set_up" in drawn) == (phase == "running")
        assert ("operator cutout.set_up_engine" in drawn) == (phase not in ("running", "cancelling"))
