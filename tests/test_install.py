"""Tests `install.py` as a new user runs it: its own process, with nothing but Python."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from blender_cutout.core.errors import EnvironmentMissing
from blender_cutout.devtools import blenders, suites
from blender_cutout.devtools import launcher as command
from blender_cutout.environment import venv

ROOT = Path(__file__).resolve().parents[1]
FAKE = """
import sys, pathlib
with open(pathlib.Path(__file__).parent / "calls.txt", "a", encoding="utf-8") as calls:
    calls.write(repr(sys.argv[1:]) + chr(10))
if "--version" in sys.argv:
    print("Blender {version}")
elif {fails}:
    print("Error: no room on the moon")
    sys.exit(1)
"""


def fake_blender(folder: Path, version: str = "4.5.1 LTS", fails: bool = False) -> Path:
    """A program that answers as Blender does, and records its calls in calls.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "fake.py"
    script.write_text(FAKE.format(version=version, fails=fails), encoding="utf-8")
    if sys.platform == "win32":
        program = folder / "blender.bat"
        program.write_text(f'@"{sys.executable}" "{script}" %*\n', encoding="utf-8")
    else:
        program = folder / "blender"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def run(*words: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs install.py without access to installed packages."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("CUTOUT_")} | more
    variables |= {venv.HOME_VARIABLE: str(home), "PATH": str(home / "no programs"), "HOME": str(home)}
    command = [sys.executable, "-I", "-S", str(ROOT / "install.py"), *words]
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=240
    )


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in ("demo", "test", "build", "clips"))])
def test_help_needs_nothing_but_python(tmp_path: Path, words: list[str]) -> None:
    answer = run(*words, home=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "usage" in answer.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [(["--count", "0"], "The count must be at least 1"), (["--pictures", "no such folder"], "There is no folder")],
)
def test_clips_that_cannot_be_rendered_are_one_line(tmp_path: Path, words: list[str], text: str) -> None:
    answer = run("clips", "--output", str(tmp_path / "clips"), *words, home=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.strip().startswith(f"Error: {text}")
    assert len(answer.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "clips").exists()


def test_build_makes_the_zip_where_it_is_asked_to(tmp_path: Path) -> None:
    answer = run("build", "--output", str(tmp_path / "für dich"), home=tmp_path)
    assert answer.returncode == 0, answer.stderr
    (archive,) = (tmp_path / "für dich").iterdir()
    assert answer.stdout.strip() == str(archive)
    assert zipfile.ZipFile(archive).testzip() is None


def test_doctor_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    answer = run("doctor", home=tmp_path)
    assert answer.returncode == 1
    assert "The engine is not installed" in answer.stdout
    assert "python install.py" in answer.stdout
    assert "Traceback" not in answer.stdout + answer.stderr


def test_doctor_finds_a_sound_installation(tmp_path: Path) -> None:
    blender = fake_blender(tmp_path / "Blender für mich")
    answer = run("doctor", "--blender", str(blender), home=tmp_path, CUTOUT_PYTHON=sys.executable)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Blender 4.5.1" in answer.stdout
    assert "BAD" not in answer.stdout


def test_install_builds_and_installs_the_extension_into_the_named_blender(tmp_path: Path) -> None:
    blender = fake_blender(tmp_path / "Blender für mich")
    answer = run("--blender", str(blender), home=tmp_path, CUTOUT_PYTHON=sys.executable)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    last = (blender.parent / "calls.txt").read_text(encoding="utf-8").splitlines()[-1]
    wanted = ["--command", "extension", "install-file", "-r", "user_default", "-e"]
    *words, archive = eval(last)
    assert words == wanted
    assert zipfile.is_zipfile(archive)


def test_the_command_runs_from_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "engine für mich"
    folder.mkdir()
    program = command.write_command(folder, Path(sys.executable))
    answer = subprocess.run([str(program), "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "propagate" in answer.stdout


def test_a_wrong_blender_is_reported_before_anything_is_installed(tmp_path: Path) -> None:
    answer = run("--blender", str(tmp_path / "nothing"), home=tmp_path)
    assert answer.returncode == 1
    assert "is not a Blender" in answer.stderr
    answer = run("--blender", str(fake_blender(tmp_path / "old", "3.6.2")), home=tmp_path)
    assert answer.returncode == 1
    assert "too old" in answer.stderr
    assert not (tmp_path / "engine").exists()


def test_blenders_own_words_are_passed_on_when_it_refuses(tmp_path: Path) -> None:
    blender = blenders.find_blenders(str(fake_blender(tmp_path, fails=True)))[0]
    with pytest.raises(blenders.BlenderError, match="no room on the moon"):
        blenders.install_extension(blender, tmp_path / "x.zip")


def test_an_older_python_gets_a_sentence(tmp_path: Path) -> None:
    code = f"import sys, runpy; sys.version_info = (3, 8, 1); runpy.run_path({str(ROOT / 'install.py')!r})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Blender Cutout needs Python 3.10 or newer")


# ------------------------------------------------------------------------------------------------ install.py test


@pytest.fixture
def little_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose environments are this Python, with no tests yet."""
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = bpy: x\n", encoding="utf-8")
    monkeypatch.setattr(suites, "ROOT", tmp_path)
    engine = suites.Suite("development", (3, 11), (), "not bpy", locked=True)
    monkeypatch.setattr(suites, "engine_suite", lambda: engine)
    monkeypatch.setattr(suites, "blender_suites", lambda: [suites.Suite("4.5", (3, 11))])
    monkeypatch.setattr(suites, "prepare", lambda suite: iter(()))
    monkeypatch.setattr(suites, "prepare_wheels", lambda suite: [])
    monkeypatch.setattr(venv, "python_of", lambda folder: Path(sys.executable))
    return tmp_path


def test_all_suites_run_and_a_failure_in_one_does_not_hide_the_other(
    little_project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (little_project / "test_it.py").write_text(
        "import os, pytest\ndef test_one(): pass\n"
        "@pytest.mark.bpy\ndef test_two(): assert not os.environ['CUTOUT_PYTHON']\n",
        encoding="utf-8",
    )
    said: list[str] = []
    assert not suites.run_all([], said.append, said.append)
    text = "\n".join(said)
    assert "engine: passed" in text
    assert "4.5: failed" in text
    said.clear()
    assert suites.run_all(["engine"], said.append, said.append)
    assert "4.5" not in "\n".join(said)


def test_a_suite_without_tests_has_failed(little_project: Path) -> None:
    said: list[str] = []
    assert not suites.run_all(["engine"], said.append, said.append)
    assert "no tests were found" in "\n".join(said)


def test_a_missing_python_is_named_and_fails(little_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (little_project / "test_it.py").write_text("def test_one(): pass\n", encoding="utf-8")

    def prepare(suite: suites.Suite) -> list[str]:
        if suite.name == "4.5":
            raise EnvironmentMissing("Blender 4.5: No Python 3.11 with the module venv was found.")
        return []

    monkeypatch.setattr(suites, "prepare", prepare)
    said: list[str] = []
    assert not suites.run_all([], said.append, said.append)
    assert "4.5: not run: Blender 4.5: No Python 3.11" in said[-1]
    assert "engine: passed" in said[-2]


def test_a_blender_that_never_ends_fails(little_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hang = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\ndef test_one(): pass\n"
    (little_project / "test_it.py").write_text(hang, encoding="utf-8")
    monkeypatch.setattr(suites, "TIME_LIMIT", 5)
    said: list[str] = []
    assert not suites.run_all(["engine"], said.append, said.append)
    assert "did not finish" in "\n".join(said)
