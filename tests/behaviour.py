"""Hashes everything a checkout makes: `python tests/behaviour.py [--root CHECKOUT] -o FILE.json [--against FILE]`.

Shows that a refactoring changed nothing: run it on the commits before and after, with the same Python on the same
machine, and compare. It uses only the public surface (the `cutout` command, and the engine's process with lines of
JSON), so module names do not matter. The Python needs the engine's libraries.

Writes the sha256 of every mask, exported picture and session file (pixels and records, not bytes, so compression does
not matter), and the order of the engine's events. Sentences for people are under "texts"; differences there are printed
but do not count. Exit code 0: same as --against, or nothing to compare with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

SIZE = (96, 160)
FRAMES = 12
CUT = 8
"""First frame of the second shot, in the clip with a cut."""
TIER = "quick"
MOVIE = Path(__file__).resolve().parent / "fixtures" / "behaviour.mp4"
"""The frames of `picture` as H.264 with B-frames, stored as a file: x264 does not always encode to the same bytes."""
PATIENCE = 180.0
"""Seconds after which an unresponsive process is killed."""
ANSWERS = ("Done", "Cancelled", "Failed")

Pixels = NDArray[np.uint8]


def main() -> int:
    """Writes the hashes and compares them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="the checkout")
    parser.add_argument("--against", type=Path, metavar="FILE.json", help="what another run wrote")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        made = make_all(args.root.resolve(), Path(place))
    args.output.write_text(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(made['made'])} results in {args.output}\n")
    if args.against is None:
        return 0
    earlier = json.loads(args.against.read_text(encoding="utf-8"))
    for line in differences(earlier["texts"], made["texts"]):
        sys.stdout.write(f"text, does not count: {line}\n")
    wrong = differences(earlier["made"], made["made"])
    for line in wrong:
        sys.stdout.write(f"DIFFERENT: {line}\n")
    sys.stdout.write(f"{len(wrong)} differences\n" if wrong else "no difference\n")
    return 1 if wrong else 0


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Returns one line for each name whose values differ."""
    names = sorted(before.keys() | after.keys())
    return [f"{n}: {before.get(n)} -> {after.get(n)}" for n in names if before.get(n) != after.get(n)]


def make_all(root: Path, place: Path) -> dict[str, Any]:
    """{"made": name -> hash or value, "texts": name -> sentences} of a checkout."""
    home = place / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "CUTOUT"))}
    environment |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    environment |= {"CUTOUT_HOME": str(home), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    made: dict[str, Any] = {}
    texts: dict[str, Any] = {}
    clips = write_clips(place)
    for name, clip in clips.items():
        made |= files_of(clip, f"clip/{name}")
    made |= command_line(clips, place, environment)
    session(root, clips, place, environment, made, texts)
    return {"made": made, "texts": texts}


# ---------------------------------------------------------------- clips


def picture(frame: int, scene: int = 0) -> Pixels:
    """Returns a disc and a box moving in opposite directions over a blurred, noisy ground, (H, W, 3) RGB."""
    rng = np.random.default_rng(100 + scene)
    height, width = SIZE
    ground = cv2.GaussianBlur(rng.integers(30, 200, (height, width, 3), np.uint8), (0, 0), 3.0)
    image = np.ascontiguousarray(np.roll(ground, frame, axis=1))
    colours = ((200, 60, 40), (50, 70, 210)) if scene == 0 else ((230, 200, 60), (60, 180, 90))
    cv2.circle(image, centre(frame), 18, colours[0], -1, cv2.LINE_AA)
    x, y = 128 - 5 * frame, 24
    cv2.rectangle(image, (x - 12, y - 12), (x + 12, y + 12), colours[1], -1)
    noise = np.random.default_rng(1000 * scene + frame).integers(-6, 7, image.shape)
    return np.clip(image.astype(int) + noise, 0, 255).astype(np.uint8)


def centre(frame: int) -> tuple[int, int]:
    """Centre (x, y) of the disc, in pixels."""
    return 34 + 6 * frame, 60 - frame


def write_clips(place: Path) -> dict[str, Path]:
    """A folder of pictures, a movie with B-frames, and a folder of pictures with a cut and two objects."""
    clips = {"pictures": place / "pictures", "movie": place / "movie.mp4", "cut": place / "cut"}
    for name in ("pictures", "cut"):
        clips[name].mkdir()
        for frame in range(FRAMES):
            image = picture(frame, int(name == "cut" and frame >= CUT))
            write_png(clips[name] / f"{frame:04d}.png", image)
    shutil.copy(MOVIE, clips["movie"])
    return clips


def write_png(path: Path, image: Pixels) -> None:
    """Writes an RGB or grey picture."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    path.write_bytes(cv2.imencode(".png", bgr)[1].tobytes())


def disc(frame: int, radius: int = 18) -> Pixels:
    """Mask of the disc, (H, W) uint8."""
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, centre(frame), radius, 255, -1, cv2.LINE_AA)
    return mask


# ---------------------------------------------------------------- what was made


def sha(*parts: bytes | str) -> str:
    """sha256 of the parts, shortened."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
    return digest.hexdigest()[:32]


def pixels(array: NDArray[Any]) -> str:
    """Hash of an array: shape, type and values."""
    return sha(str((array.shape, str(array.dtype))), np.ascontiguousarray(array).tobytes())


def content(path: Path) -> str:
    """Returns the hash of a file's decoded content, or of its bytes if it cannot be decoded here."""
    if path.suffix == ".png":
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        return pixels(image) if image is not None else "unreadable"
    if path.suffix in (".mp4", ".mkv", ".mov"):
        with av.open(str(path)) as container:
            frames = [
                (f.pts, f.format.name, pixels(f.to_ndarray(format="rgba64le"))) for f in container.decode(video=0)
            ]
        return sha(json.dumps(frames))
    if path.suffix == ".jsonl":
        records = [json.loads(line)["record"] for line in path.read_text(encoding="utf-8").splitlines()]
        return sha(json.dumps([without_paths(record) for record in records], sort_keys=True))
    if path.suffix == ".json":
        return sha(json.dumps(without_paths(json.loads(path.read_text(encoding="utf-8"))), sort_keys=True))
    return sha(path.read_bytes())


def without_paths(record: Any) -> Any:
    """Returns the record without its paths, which differ from run to run."""
    if not isinstance(record, dict):
        return record
    return {key: value for key, value in record.items() if key not in ("clip", "source", "path")}


def files_of(path: Path, name: str) -> dict[str, str]:
    """Returns name -> hash, of one file or of all files in a folder except locks."""
    if path.is_file():
        return {name: content(path)}
    found = sorted(p for p in path.rglob("*") if p.is_file() and p.name != "lock")
    return {f"{name}/{p.relative_to(path).as_posix()}": content(p) for p in found}


# ---------------------------------------------------------------- the command line


def command_line(clips: dict[str, Path], place: Path, environment: dict[str, str]) -> dict[str, str]:
    """Runs the `cutout` commands that make pictures; name -> hash."""
    out = place / "out"
    out.mkdir()
    for frame in (0, 3, 9):
        write_png(place / f"disc{frame}.png", disc(frame))
    write_png(place / "late.png", disc(7, 10))
    strokes = [{"label": "keep", "radius": 4, "points": [[30, 58], [40, 64]]}]
    strokes += [{"label": "remove", "radius": 4, "points": [[90, 70], [120, 75]]}]
    (place / "strokes.json").write_text(json.dumps({"strokes": strokes}), encoding="utf-8")
    first = clips["pictures"] / "0000.png"
    engine = ("--tier", TIER, "--device", "cpu")
    runs: dict[str, tuple[object, ...]] = {
        "foreground.png": ("foreground", first, *engine),
        "refined.png": ("refine", first, "--strokes", "strokes.json", "--previous", "out/foreground.png", *engine),
        "pictures": ("propagate", clips["pictures"], "--keyframe", "3=disc3.png", "--stability", "0", *engine),
        "movie": ("propagate", clips["movie"], "--keyframe", "0=disc0.png", "--keyframe", "9=disc9.png", *engine),
        "cut": ("propagate", clips["cut"], "--keyframe", "0=disc0.png", "--stop-below", "0.3", *engine),
        "again": (
            *("propagate", clips["pictures"], "--keyframe", "3=disc3.png", "--keyframe", "7=late.png"),
            *("--previous", "out/pictures", "--lock", "10:12", *engine),
        ),
        "film.mkv": ("composite", clips["movie"], "--masks", "out/movie", "--background", "#00b140"),
        "film.mov": ("composite", clips["movie"], "--masks", "out/movie", "--rgba", "--edge-feather", "1.5"),
        "rgba": ("composite", clips["pictures"], "--masks", "out/pictures", "--rgba", "--edge-shrink", "1"),
    }
    made: dict[str, str] = {}
    for name, words in runs.items():
        command = [sys.executable, "-m", "blender_cutout", *map(str, words), "-o", f"out/{name}"]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            sys.exit(f"cutout {' '.join(map(str, words))}: {done.stderr}")
        made |= files_of(out / name, f"cutout/{name}")
    return made


# ---------------------------------------------------------------- a session in the engine's process


class Engine:
    """The engine's process; its answers are recorded in `made` and `texts`."""

    def __init__(self, process: subprocess.Popen[bytes], made: dict[str, Any], texts: dict[str, Any]) -> None:
        self._process = process
        self._made = made
        self._texts = texts
        self._count = 0
        self.head = ""

    def send(self, kind: str, **fields: Any) -> None:
        """Sends one message."""
        assert self._process.stdin
        line = json.dumps({"v": 1, "kind": kind, **fields})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def do(self, kind: str, *, fails: bool = False, **fields: Any) -> None:
        """Sends a job and records everything up to its end; exits if the job fails unexpectedly."""
        self._count += 1
        job = f"{self._count:02d}-{kind}"
        self.send(kind, job=job, **fields)
        events: list[Any] = []
        sentences: list[str] = []
        for record in self._records():
            if record.get("job") != job:
                continue
            events += event(record)
            sentences += [record[key] for key in ("text", "hint", "summary") if record.get(key)]
            if record["kind"] == "TrackState" and record["track"] == fields.get("track"):
                self.head = record["head"]
            if record["kind"] in ANSWERS:
                break
        else:
            sys.exit(f"The engine ended during {job}.")
        if (events[-1][0] == "Failed") != fails:
            sys.exit(f"{job}: {events[-1]} {sentences}")
        self._made[f"session/{job}"] = events
        self._texts[job] = sentences

    def _records(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout
        for line in self._process.stdout:
            yield json.loads(line)


def event(record: dict[str, Any]) -> list[Any]:
    """Returns what every run must repeat of an event, as a list of one; empty for progress, which depends on time."""
    kind = record["kind"]
    if kind == "TrackState":
        names = "track", "head", "parent", "keyframes", "done", "mattes", "locked", "confidence", "frame_count"
        return [[kind, *(record[name] for name in names)]]
    if kind == "MatteReady":
        return [[kind, record["track"], record["frame"]]]
    if kind == "Done":
        result = {k: v for k, v in record.get("result", {}).items() if k not in ("folder", "sound")}
        return [[kind, result]]
    if kind == "Failed":
        return [[kind, record["code"]]]
    return [[kind]] if kind in ("Warn", "Cancelled") else []


@contextmanager
def running(root: Path, place: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The engine's process as the add-on starts it, killed when it takes too long."""
    (entry,) = (root / "blender_cutout").rglob("worker/entry.py")
    command = [sys.executable, "-I", "-u", "-X", "utf8", str(entry)]
    with open(place / "engine.log", "wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=place
        )
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        with process:
            yield process
    finally:
        timer.cancel()


def stroke(label: str, radius: float, *points: tuple[float, float]) -> dict[str, Any]:
    """Returns a stroke as it is sent in messages."""
    return {"label": label, "radius": radius, "points": [list(point) for point in points]}


def session(
    root: Path, clips: dict[str, Path], place: Path, environment: dict[str, str], made: dict[str, Any], texts: Any
) -> None:
    """Two objects of the clip with the cut: ten rounds, propagations, locks, an import, undo, exports."""
    folders = {track: place / "film_cutout" / track for track in ("disc", "box")}
    masks = place / "foreign"
    masks.mkdir()
    for frame in (5, 6):
        write_png(masks / f"{frame}.png", disc(frame))
    with running(root, place, environment) as process:
        engine = Engine(process, made, texts)
        engine.send("Hello", protocol=1, tier=TIER, device="cpu", cache_dir="")
        for track, folder in folders.items():
            engine.do("OpenTrack", track=track, clip_path=str(clips["cut"]), clip_files=[], folder=str(folder), limit=0)
        for track, frame, strokes, zoom in rounds():
            engine.do("ApplyRound", track=track, frame=frame, strokes=strokes, zoom=zoom, auto=not strokes)
        disc_track = {"track": "disc"}
        whole = {"start": 0, "stop": FRAMES, "direction": "both"}
        engine.do("Propagate", **disc_track, **whole, stability=0.0, stop_at_cuts=True, stop_below=0.0)
        engine.do("LockFrames", **disc_track, start=1, stop=3, locked=True)
        engine.do("ApplyRound", **disc_track, frame=1, strokes=[stroke("keep", 3, (40, 60))], zoom=1.0, fails=True)
        x, y = centre(6)
        engine.do("ApplyRound", **disc_track, frame=6, strokes=[stroke("remove", 3, (x, y + 10))], zoom=2.0)
        engine.do("Propagate", **disc_track, **whole, stability=1.0, stop_at_cuts=False, stop_below=0.2)
        joined = {"tracks": ["disc", "box"], "names": ["Disc", "Box"]}
        engine.do("PropagateGroup", **joined, **whole, stability=0.5, stop_at_cuts=True, stop_below=0.0)
        together = engine.head
        engine.do("Undo", **disc_track, others=["box"])
        engine.do("ImportMattes", **disc_track, path=str(masks), at=5, every=1)
        engine.do("Propagate", **disc_track, start=4, stop=10, direction="forward")
        export(engine, place, made)
        engine.do("Checkout", **disc_track, head=together)
        engine.send("Shutdown")
    for track, folder in folders.items():
        made |= files_of(folder, f"folder/{track}")


def rounds() -> Iterable[tuple[str, int, list[dict[str, Any]], float]]:
    """Ten rounds: (track, frame, strokes, zoom); no strokes = a first guess."""
    x, y = centre(0)
    yield "disc", 0, [], 1.0
    yield "disc", 0, [stroke("keep", 5, (x - 6, y), (x + 6, y + 2))], 1.0
    yield "disc", 0, [stroke("remove", 4, (128, 24), (134, 30))], 1.5
    yield "disc", 0, [stroke("keep", 2, (x, y + 15)), stroke("remove", 2, (x, y + 24))], 4.0
    x, y = centre(3)
    yield "disc", 3, [stroke("keep", 5, (x, y)), stroke("remove", 5, (20, 20), (60, 15))], 1.0
    yield "disc", 3, [stroke("keep", 3, (x + 12, y), (x + 14, y + 4))], 2.0
    yield "box", 0, [stroke("keep", 5, (122, 24), (134, 24))], 1.0
    yield "box", 0, [stroke("remove", 4, (34, 60))], 1.0
    yield "box", 10, [stroke("keep", 4, (78, 24)), stroke("remove", 4, (94, 50))], 1.0
    yield "box", 10, [stroke("keep", 1.5, (69, 15), (69, 33))], 6.0


def export(engine: Engine, place: Path, made: dict[str, Any]) -> None:
    """Masks, pictures with alpha, splines, films of what the tracks show."""
    frames = [0, 1, 2, 2, 3, -1, 5, 8, 11]
    for name, fields in {
        "masks": {"form": "mask"},
        "union": {"form": "mask", "others": ["box"], "invert": True},
        "cutouts": {"form": "cutout"},
        "splines": {"form": "splines"},
        "film.mkv": {"form": "film", "frames": list(range(6))},
        "over.mp4": {"form": "film", "frames": list(range(6)), "background": "#204060", "others": ["box"]},
    }.items():
        engine.do("Export", **{"track": "disc", "frames": frames, "folder": str(place / "exported" / name), **fields})
        made |= files_of(place / "exported" / name, f"exported/{name}")


if __name__ == "__main__":
    sys.exit(main())
