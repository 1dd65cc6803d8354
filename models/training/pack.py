"""Packs a short training for another machine into one file: small pictures, code, start weights, and a main program.

    cutout train pack DATA -o FILE.zip --weights START.safetensors
    python FILE.zip --minutes 11 --out OUT        # there; needs PyTorch, numpy, OpenCV, safetensors, and no network

A zip that Python runs: it unpacks itself in OUT, trains on the GPU with a loader process on each core but one, and
leaves `last.pt`, the log and the averaged weights in OUT. `--device cpu` tests it on a processor.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import ModelError
from .samples.pool import encoded, read_pair
from .samples.sources import Source, sources
from .start import SAFETENSORS
from .whole_files import replacing

MEBIBYTES = 60.0
SIDE = 256
"""Shorter side of a packed picture, in pixels."""

_LOG = logging.getLogger(__name__)
_MODELS = Path(__file__).resolve().parents[1]

RUN = '''\
"""Trains on what this file holds; see --help."""
import argparse, os, subprocess, sys, time, zipfile

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--out", required=True, help="folder for checkpoint, log and weights")
parser.add_argument("--minutes", type=float, default=11.0, help="of training, without unpacking (default 11)")
parser.add_argument("--device", default="cuda", help="cuda (default), mps or cpu")
parser.add_argument("--loaders", type=int, default=max((os.cpu_count() or 2) - 1, 1), help="processes that make clips")
parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a switch of the recipe")
args = parser.parse_args()
out = os.path.abspath(args.out)
place = os.path.join(out, "unpacked")
begin = time.time()
with zipfile.ZipFile(os.path.dirname(os.path.abspath(__file__))) as packed:
    packed.extractall(place)
command = [sys.executable, "-m", "blender_cutout.models.training"]
environment = {**os.environ, "PYTHONPATH": os.path.join(place, "code")}
# A large batch counts as many small ones; short steps would leave a GPU idle between its kernels.
clips = "24,16,12" if args.device != "cpu" else "2,1,1"
recipe = ["network_size=large", "similarity=dot", "video_begin=0.6", "video=0.75", "long_from=0.2", "long_frames=5,6,8",
          "sizes=224,288,320", "clips=" + clips, *args.set]
words = ["propagation", "--data", os.path.join(place, "data"), "--cache", os.path.join(place, "cache"), "--out", out,
         "--weights", os.path.join(place, "start.safetensors"), "--begin", "0.05", "--minutes", str(args.minutes),
         "--device", args.device, "--loader-processes", str(args.loaders), "--checkpoint-minutes", "2"]
print(f"unpacked in {time.time() - begin:.0f} s", flush=True)
done = subprocess.run([*command, *words, *[w for name in recipe for w in ("--set", name)]], env=environment)
last = os.path.join(out, "last.pt")
if os.path.exists(last):
    weights = os.path.join(out, "propagation-large.safetensors")
    subprocess.run([*command, "export", last, "-o", weights], env=environment, check=True)
sys.exit(done.returncode)
'''


class PackError(ModelError):
    """Raised when nothing can be packed; one line that says why."""


def pack(data: Path, target: Path, weights: Path, mebibytes: float = MEBIBYTES, side: int = SIDE) -> dict[str, int]:
    """Writes the file and returns how many pictures of each set are in it.

    Video comes first, then stills, one of each set in turn, until the file is full.

    Args:
        data: folder of the training data.
        target: file to write.
        weights: safetensors file to start from.
        mebibytes: largest size of the file.
        side: shorter side of the packed pictures in pixels; smaller ones stay as they are.

    Raises:
        PackError: the start weights are missing, or leave no room for a picture.
        FileNotFoundError: `data` is not the training data.
    """
    if weights.suffix != SAFETENSORS or not weights.is_file():
        raise PackError(f"{weights} is not a .safetensors file.", "Give exported weights: `cutout train export`.")
    room = int(mebibytes * 2**20)
    counts: dict[str, int] = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    packed: set[str] = set()
    with replacing(target) as part:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as out:
            _code(out, weights)
            used = _size(out) + _indices(data, set(), out=None)
            for source in _in_turn(list(sources(data)), data):
                try:
                    files = _small(source, data, side)
                except (FileNotFoundError, ValueError) as error:
                    _LOG.warning("Skipped %s: %s", source.name, error)
                    continue
                size = sum(len(blob) + 2 * len(name) + 160 for name, blob in files.items())
                if used + size > room:
                    break
                used += size
                for name, blob in files.items():
                    out.writestr(name, blob)
                counts[source.set] = counts.get(source.set, 0) + 1
                packed.add(source.image.stem if source.image.parent.parent.name == "stills" else _film(source))
            _indices(data, packed, out)
        if not counts:
            raise PackError(f"{mebibytes} MiB leave no room for a picture.", "Give more with --mebibytes.")
    return counts


def _code(out: zipfile.ZipFile, weights: Path) -> None:
    out.writestr("__main__.py", RUN)
    out.writestr("code/blender_cutout/__init__.py", "")
    for path in sorted(_MODELS.rglob("*.py")):
        name = path.relative_to(_MODELS).as_posix()
        out.write(path, f"code/blender_cutout/models/{name}", zipfile.ZIP_DEFLATED)
    out.write(weights, "start.safetensors")


def _size(out: zipfile.ZipFile) -> int:
    return sum(info.compress_size + 2 * len(info.filename) + 160 for info in out.infolist())


def _indices(data: Path, packed: set[str], out: zipfile.ZipFile | None) -> int:
    """Writes the rows of what is packed of each index, by its first column; returns the length of all of them."""
    length = 0
    for name in ("stills/index.csv", "video-train-2/index.csv"):
        if (data / name).exists():
            head, *rows = (data / name).read_text(encoding="utf-8", errors="replace").splitlines()
            length += sum(len(row) + 1 for row in (head, *rows))
            if out is not None:
                kept = [row for row in rows if row.split(",")[0] in packed]
                out.writestr(f"data/{name}", "\n".join((head, *kept)) + "\n", zipfile.ZIP_DEFLATED)
    if out is not None:
        out.writestr("data/video-train/README", "Films, a folder each.\n")
    return length


def _film(source: Source) -> str:
    return source.image.parent.parent.name


def _in_turn(entries: list[Source], data: Path) -> Iterator[Source]:
    """Yields whole films, short ones first; then a still of each set in turn, from everywhere in the set."""
    films: dict[str, list[Source]] = {}
    stills: dict[str, list[Source]] = {}
    for entry in entries:
        if entry.image.relative_to(data).parts[0].startswith("video"):
            films.setdefault(_film(entry), []).append(entry)
        else:
            stills.setdefault(entry.set, []).append(entry)
    for film in sorted(films.values(), key=len):
        yield from film
    rng = np.random.default_rng(0)
    mixed = [[kind[int(i)] for i in rng.permutation(len(kind))] for kind in stills.values()]
    for place in range(max(map(len, mixed), default=0)):
        for kind in mixed:
            if place < len(kind):
                yield kind[place]


def _small(source: Source, data: Path, side: int) -> dict[str, bytes]:
    """Returns a source's two files, made smaller, by their names in the packed folder."""
    image, mask = read_pair(source.image, source.mask, ids=source.kind == "ids")
    picture, ids = encoded(image, mask, side)
    names = ("data/" + path.relative_to(data).as_posix() for path in (source.image, source.mask))
    return dict(zip(names, (picture, ids), strict=True))
