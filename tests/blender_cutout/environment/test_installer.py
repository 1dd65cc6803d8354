"""Tests explanations of failed installations, the lock between installations, and the set-up's texts."""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from pathlib import Path
from venv import EnvBuilder

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.environment import interpreters, pip_runner, pip_steps, venv
from blender_cutout.environment.installer import OFFLINE, Installer, SetupProgress
from blender_cutout.ui import setup_view
from blender_cutout.ui.setup_view import CANCEL, CHECK, SETUP, Situation

LAST = "ERROR: No matching distribution found for numpy>=1.26"
RETRY = "WARNING: Retrying (Retry(total=4)) after connection broken by "


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{RETRY}'NewConnectionError: [Errno -3] Temporary failure in name resolution'\n{LAST}", "cannot be reached"),
        (f"{RETRY}'ConnectTimeoutError(..., 'Connection to pypi.org timed out.')'\n{LAST}", "cannot be reached"),
        (f"{RETRY}'ProxyError('Cannot connect to proxy.', OSError('407 Proxy Authentication'))'\n{LAST}", "proxy"),
        (f"{RETRY}'SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]'))'\n{LAST}", "certificate"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied: 'c10.dll'", "blocked"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: 'x'", "blocked"),
        ("ERROR: Package 'numpy' requires a different Python: 3.9.1 not in '>=3.11'", "Python does not fit"),
    ],
)
def test_the_cause_is_reported_not_only_the_consequence(said: str, words: str) -> None:
    code = f"import sys; print({said!r}); sys.exit(1)"
    with pytest.raises(EnvironmentMissing, match=words) as error:
        list(pip_runner.run([sys.executable, "-c", code], "A library could not be installed."))
    assert error.value.hint
    assert "A library could not be installed." in error.value.text


def test_an_unknown_failure_passes_its_last_words_on() -> None:
    code = "import sys; print('fine'); print('ERROR: the moon is full.'); sys.exit(1)"
    with pytest.raises(EnvironmentMissing, match=r"Failed\. ERROR: the moon is full") as error:
        list(pip_runner.run([sys.executable, "-c", code], "Failed.", "Wait."))
    assert error.value.hint == "Wait."


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "blocked"), (errno.EIO, "cannot be written")]
)
def test_errors_of_the_system_are_reported(number: int, words: str) -> None:
    error = pip_runner.explain_os_error(OSError(number, os.strerror(number), "/a/file"))
    assert words in error.text
    assert "/a/file" in error.text or number == errno.EIO
    assert error.hint


def test_a_disk_that_is_too_full_is_reported_before_the_download(tmp_path: Path) -> None:
    pip_runner.check_room(tmp_path, 2.5, 3_000_000_000)
    with pytest.raises(EnvironmentMissing, match=r"1\.0 GB are free .* 2\.5 GB are needed"):
        pip_runner.check_room(tmp_path, 2.5, 1_000_000_000)


def test_two_installations_keep_apart(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    with (
        pip_runner.only_one(tmp_path / "engine.lock"),
        pytest.raises(EnvironmentMissing, match="already being set up"),
    ):
        list(venv.make(folder, ()))
    assert not folder.exists()


def test_an_environment_that_lost_its_settings_installs_nothing_elsewhere(tmp_path: Path) -> None:
    EnvBuilder(symlinks=True).create(tmp_path / "environment")
    (tmp_path / "environment" / "pyvenv.cfg").unlink()
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    python = tmp_path / "environment" / "bin" / "python"
    with pytest.raises(EnvironmentMissing) as raised:
        list(pip_steps.install(python, tmp_path, pip_steps.Plan(("numpy",), wheels=wheels)))
    assert any(words in raised.value.text for words in ("virtualenv", "No module named pip"))


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file in the folder's place")
    with pytest.raises(EnvironmentMissing, match=r"cannot be written.*home") as error:
        list(venv.make(tmp_path / "home" / "engine", ()))
    assert error.value.hint


def test_an_environment_whose_python_was_removed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(venv.HOME_VARIABLE, str(tmp_path))
    monkeypatch.delenv(venv.PYTHON_VARIABLE, raising=False)
    folder = venv.engine_folder()
    python = venv.python_of(folder)
    python.parent.mkdir(parents=True)
    python.write_text("")
    (folder / venv.MARKER).write_text(json.dumps({"stamp": "x"}))
    (folder / "pyvenv.cfg").write_text(f"home = {tmp_path}\n")
    assert venv.worker_python() == python
    (folder / "pyvenv.cfg").write_text(f"home = {tmp_path / 'Blender 4.2'}\n")
    with pytest.raises(EnvironmentMissing, match=r"built on is gone .*Blender 4\.2"):
        venv.worker_python()


def test_a_blender_that_names_itself_as_python_is_not_started_with_our_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert interpreters.blenders_python() == Path(sys.executable)
    blender = tmp_path / "blender"
    blender.write_text("")
    monkeypatch.setattr(sys, "executable", str(blender))
    assert interpreters.blenders_python().name.startswith("python")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(interpreters.shutil, "which", lambda name: None)
    with pytest.raises(EnvironmentMissing, match="no Python executable"):
        interpreters.blenders_python()


# ---------------------------------------------------------------------------------------------- the process


def until_ended(installer: Installer) -> SetupProgress:
    deadline = time.monotonic() + 200
    while installer.running:
        assert time.monotonic() < deadline
        installer.poll()
        time.sleep(0.01)
    return installer.progress


def script(code: str) -> list[str]:
    return [sys.executable, "-I", "-u", "-c", code]


def test_what_the_process_says_becomes_progress(tmp_path: Path) -> None:
    records = [
        {"kind": "step", "text": "Installing PyTorch", "share": 0.1},
        {"kind": "line", "text": "Downloading torch-2.whl (190 MB)"},
        {"kind": "share", "share": 0.4},
        {"kind": "finding", "ok": True, "text": "NumPy: 2", "remedy": ""},
        {"kind": "done", "text": "Fine.", "engine": "tier draft on cpu", "python": "/p"},
    ]
    code = "\n".join(f"print({json.dumps(record)!r})" for record in records) + "\nprint('no JSON')"
    installer = Installer()
    installer.start(script(code), "setup", tmp_path / "setup.log")
    progress = until_ended(installer)
    assert (progress.phase, progress.text, progress.engine) == ("done", "Fine.", "tier draft on cpu")
    assert (progress.step, progress.share, progress.findings) == ("Installing PyTorch", 0.4, ((True, "NumPy: 2"),))


def test_a_process_that_dies_or_cannot_start_is_reported(tmp_path: Path) -> None:
    installer = Installer()
    installer.start(script("import sys; sys.stderr.write('its last words'); sys.exit(3)"), "setup", tmp_path / "log")
    progress = until_ended(installer)
    assert progress.phase == "failed"
    assert "exit code 3" in progress.text
    assert str(tmp_path / "log") in progress.hint
    assert "its last words" in (tmp_path / "log").read_text()
    with pytest.raises(EnvironmentMissing, match="cannot be started"):
        installer.start([str(tmp_path / "fehlt")], "setup", tmp_path / "log")
    assert not installer.running


def test_a_process_that_does_not_listen_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blender_cutout.environment.installer.PATIENCE", 0.2)
    child = (
        "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    )
    installer = Installer()
    report = 'print(\'{"kind": "line", "text": "%d"}\' % p.pid); time.sleep(600)'
    installer.start(script(child + report), "setup", tmp_path / "log")
    while not installer.poll().line:
        time.sleep(0.01)
    installer.cancel()
    assert installer.progress.phase == "cancelling"
    assert until_ended(installer).phase == "cancelled"
    deadline = time.monotonic() + 120
    while _lives(int(installer.progress.line)):
        assert time.monotonic() < deadline, "its child lives on"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """True while a process runs; a zombie does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


# ------------------------------------------------------------------------------------------------ the words


def words(view: setup_view.SetupView) -> str:
    return "\n".join(line.text for line in view.lines)


def operators(view: setup_view.SetupView) -> list[str]:
    return [button.operator for button in view.buttons]


def test_before_anything_is_installed_the_way_is_shown() -> None:
    missing = Situation("", "The engine is not installed.")
    view = setup_view.view(SetupProgress(), missing)
    assert operators(view) == [SETUP]
    assert "The engine is not installed." in words(view)
    assert "downloads" in words(view)
    offline = setup_view.view(SetupProgress(), Situation("", "Missing.", online=False))
    assert OFFLINE in words(offline)
    assert "folder of wheels" in words(offline)
    assert "downloads" not in words(offline)
    wheels = setup_view.view(SetupProgress(), Situation("", "Missing.", online=False, wheels="/wheels"))
    assert OFFLINE not in words(wheels)
    assert "/wheels" in words(wheels)


def test_an_engine_that_came_with_the_add_on_needs_no_set_up() -> None:
    view = setup_view.view(SetupProgress(), Situation("/blender/python", own=True))
    assert "needs no set-up" in words(view)
    assert "/blender/python" not in words(view)
    assert [button.text for button in view.buttons] == ["Set Up GPU Engine", "Check Installation"]


def test_while_it_runs_there_is_a_bar_the_last_line_and_cancel() -> None:
    view = setup_view.view(SetupProgress("running", "setup", "Installing PyTorch", 0.4, "Downloading"), Situation(""))
    assert (view.share, view.bar, words(view), operators(view)) == (0.4, "Installing PyTorch", "Downloading", [CANCEL])
    view = setup_view.view(SetupProgress("cancelling", "setup", "Cancelling", 0.4), Situation(""))
    assert operators(view) == []


def test_the_end_tells_the_tier_or_what_to_do() -> None:
    ready = Situation("/engine/python")
    view = setup_view.view(SetupProgress("done", text="It works.", engine="tier standard on cpu"), ready)
    assert "Self-test: tier standard on cpu." in words(view)
    assert operators(view) == [SETUP, CHECK]
    view = setup_view.view(
        SetupProgress("failed", text="The disk is full.", hint="Make room."), Situation("", "Missing.")
    )
    assert words(view).endswith("The disk is full.\nMake room.")
    assert operators(view) == [SETUP]
    view = setup_view.view(SetupProgress("failed", text="No PyTorch."), Situation("/mine", chosen=True))
    assert operators(view) == [CHECK], "an existing Python is not ours to change"
