"""Tests `cutout train` as typed by a user: endings, exports, and one-line errors."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from blender_cutout import cli
from blender_cutout.models.training import __main__ as command
from blender_cutout.models.training.samples.clip_recipe import RecipeError
from blender_cutout.models.training.schedule import ScheduleClock

TINY = ("--set", "sizes=64", "--set", "clips=1", "--set", "shares_begin=1", "--set", "shares_end=1")


def _main(*words: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.main(parser.parse_args([str(word) for word in words]))


def _places(data: Path, tmp_path: Path, out: str = "out") -> tuple[object, ...]:
    return "--data", data, "--cache", tmp_path / "cache", "--out", tmp_path / out, "--precision", "fp32"


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each network after one step."""
    folder = tmp_path_factory.mktemp("trained")
    for network in ("propagation", "scribble"):
        more = TINY if network == "propagation" else ()
        assert _main(network, *_places(data, folder, network), "--steps", 1, *more) == 0
    return {network: folder / network / "last.pt" for network in ("propagation", "scribble")}


@pytest.mark.parametrize("network", ["propagation", "scribble"])
def test_a_run_ends_resumes_and_exports(data: Path, tmp_path: Path, network: str) -> None:
    more = TINY if network == "propagation" else ()
    common = (network, *_places(data, tmp_path), *more)
    assert _main(*common, "--steps", 1) == 0
    state = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    assert state["step"] == 1
    assert _main(*common, "--steps", 2, "--resume") == 0
    resumed = torch.load(tmp_path / "out" / "last.pt", weights_only=True)
    assert resumed["step"] == 2
    assert resumed["spent"] > state["spent"]
    target = tmp_path / "weights.safetensors"
    assert _main("export", tmp_path / "out" / "last.pt", "-o", target, "--network", network) == 0
    assert 1_000_000 < target.stat().st_size < 20_000_000
    with safe_open(str(target), "pt") as file:
        assert file.metadata()["architecture"] == network
        assert not [name for name in file.keys() if name.startswith("auxiliary.")]  # it is no dict


@pytest.mark.parametrize("way", ["weights", "resume", "export"])
def test_a_checkpoint_of_another_network_is_refused_with_both_names(
    data: Path, tmp_path: Path, trained: dict[str, Path], caplog: pytest.LogCaptureFixture, way: str
) -> None:
    held = trained["scribble"]
    if way == "export":
        code = _main("export", held, "-o", tmp_path / "w.safetensors", "--network", "propagation")
        assert not (tmp_path / "w.safetensors").exists()
    else:
        out = tmp_path / "out"
        out.mkdir()
        (out / "last.pt").write_bytes(held.read_bytes())
        more = ("--resume",) if way == "resume" else ("--weights", held)
        code = _main("propagation", *_places(data, tmp_path), "--steps", 1, *TINY, *more)
    assert code == 2
    assert "holds `scribble`, not `propagation`" in caplog.text
    assert len(caplog.records) == 1


def test_large_weights_do_not_go_into_the_small_network_but_small_ones_start_the_large(
    data: Path, tmp_path: Path, trained: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    large = (*_places(data, tmp_path, "large"), "--steps", 1, *TINY, "--set", "network_size=large")
    assert _main("propagation", *large, "--weights", trained["propagation"]) == 0
    made = tmp_path / "large" / "last.pt"
    for more in (("--weights", made), ("--resume",)):
        small = (*_places(data, tmp_path, "large"), "--steps", 2, *TINY)
        caplog.clear()
        assert _main("propagation", *small, *more) == 2
        assert "holds `propagation large`, not `propagation`" in caplog.text


def test_a_checkpoint_of_the_first_runs_is_known_by_its_parts(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Old checkpoints have no architecture, nothing unlogged, and switches as words."""
    large = ("propagation", *_places(data, tmp_path), *TINY, "--set", "network_size=large")
    assert _main(*large, "--steps", 1) == 0
    path = tmp_path / "out" / "last.pt"
    state = torch.load(path, weights_only=True)
    for name in ("architecture", "unlogged", "skipped"):
        del state[name]
    state["recipe"]["switches"] = ("network_size=large",)
    torch.save(state, path)
    assert _main("propagation", *_places(data, tmp_path), "--steps", 2, *TINY, "--resume") == 2
    assert "holds `propagation large`, not `propagation`" in caplog.text
    assert _main(*large, "--steps", 2, "--resume") == 0
    assert torch.load(path, weights_only=True)["step"] == 2


@pytest.mark.parametrize("content", [None, b"", b"no checkpoint at all", "picture"])
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, data: Path, caplog: pytest.LogCaptureFixture, content: bytes | str | None
) -> None:
    path = tmp_path / "last.pt"
    if content == "picture":
        torch.save({"weights": torch.zeros(2)}, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    assert _main("export", path, "-o", tmp_path / "w.safetensors") == 2
    assert str(path) in caplog.text
    assert "checkpoint" in caplog.text
    assert len(caplog.text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--set", "vidoe=0"), "'vidoe=0' is not a switch"),
        (("--set", "video=2"), "video is a share"),
        (("--precision", "fp16"), "fp16 would overflow"),
        (("--device", "abacus"), "no device 'abacus'"),
        (("--minutes", "0"), "minutes"),
        (("--steps", "many"), "invalid int value"),
        (("--weights", "nowhere.pt"), "There is no checkpoint nowhere.pt"),
        (("--resume",), "There is no checkpoint"),
    ],
)
def test_wrong_input_is_one_clear_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    places = (str(word) for word in _places(data, tmp_path))
    assert cli.main(["train", "propagation", *places, *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cutout train")
    assert says in error
    assert error.count("\n") == 1


def test_wrong_data_or_an_output_that_cannot_be_is_one_clear_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert cli.main(["train", "scribble", *(str(w) for w in _places(empty, tmp_path))]) == 2
    assert "is not the training data" in capsys.readouterr().err
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["train", "scribble", *(str(w) for w in _places(data, tmp_path, "file/out"))]) == 2
    error = capsys.readouterr().err
    assert "file" in error
    assert error.count("\n") == 1


def test_help_names_every_switch_and_both_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "propagation", "--help"]) == 0
    text = capsys.readouterr().out
    for name in ("far_anchors=0.4", "similarity=l2", "average=0.998", "--set video=0", "--weights stage1/last.pt"):
        assert name in text


def test_a_schedule_can_go_by_its_steps_alone(data: Path, tmp_path: Path) -> None:
    words = ["propagation", "--data", str(data), "--cache", str(tmp_path / "c"), "--out", str(tmp_path / "o")]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    settings = command.settings_of(parser.parse_args([*words, "--minutes", "0", "--steps", "5", "--processes", "2"]))
    assert ScheduleClock(settings, 1e5).done(1) == pytest.approx(0.2, abs=1e-3)
    assert settings.processes == 2
    for wrong in (["--minutes", "0"], ["--processes", "0"], ["--processes", "2", "--device", "mps"]):
        with pytest.raises(RecipeError):
            command.settings_of(parser.parse_args([*words, *wrong]))


@pytest.mark.parametrize("native", [False, True])
def test_the_default_precision_is_the_one_that_this_processor_is_fast_in(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, native: bool
) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: native, raising=False)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    settings = command.settings_of(parser.parse_args(["scribble", "--data", "d", "--cache", "c", "--out", "o"]))
    assert settings.half is native
    assert ("training in float32" in caplog.text) is not native
