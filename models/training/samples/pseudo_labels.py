"""Makes masks for unlabelled pictures from an ensemble: several networks' guesses, combined by the best rule.

    python -m blender_cutout.models.training.samples.pseudo_labels DATA GUESSES -o POOL

GUESSES has a folder of grey pictures for each member (`blender_cutout.evaluate.guesses` writes them). The best rule is
determined on those pictures of DATA whose masks are known, and recorded in POOL/rules.json with the scores of each
member alone. POOL is then used for training as `pseudo=POOL`.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..whole_files import replacing, write_text
from .pool import CACHE_VERSION, PoolEntry, read_pair

Image = NDArray[np.uint8]
Stack = NDArray[np.float32]
Rule = Callable[[Stack, Sequence[float]], Stack]

SET = "pseudo"
GROUP = 3
"""Accuracy group of these masks, which are made by a program."""

AGREED = 0.75
"""Pictures on which the members agree less than this are left out."""


def mean(stack: Stack, weights: Sequence[float]) -> Stack:
    """Returns the plain mean (H, W) of guesses (M, H, W)."""
    return np.asarray(stack.mean(axis=0), np.float32)


def weighted(stack: Stack, weights: Sequence[float]) -> Stack:
    """Returns the mean with one weight for each member (linear combination)."""
    share = np.asarray(weights, np.float32) / np.sum(weights)
    return np.asarray(np.tensordot(share, stack, axes=1), np.float32)


def vote(stack: Stack, weights: Sequence[float]) -> Stack:
    """Returns the share of members above one half; the mean decides a tie."""
    share = (stack > 0.5).mean(axis=0)
    return np.where(np.isclose(share, 0.5), mean(stack, weights), share).astype(np.float32)


def product(stack: Stack, weights: Sequence[float]) -> Stack:
    """Returns the product of odds, as if members erred independently: one sure member outweighs several unsure ones."""
    safe = np.clip(stack.astype(np.float64), 1e-3, 1 - 1e-3)
    odds = (np.log(safe) - np.log1p(-safe)).mean(axis=0)
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), np.float32)


RULES: dict[str, Rule] = {"mean": mean, "weighted": weighted, "vote": vote, "product": product}


def overlap(guess: Stack, truth: NDArray[np.bool_]) -> float:
    """Returns the IoU of a matte (H, W) at one half and a mask; 1 when both are empty."""
    found = guess > 0.5
    union = int((found | truth).sum())
    return float((found & truth).sum() / union) if union else 1.0


def compare(known: Iterable[tuple[Stack, NDArray[np.bool_]]], weights: Sequence[float]) -> dict[str, float]:
    """Returns the mean IoU of every rule and each member ("member 0", …) over guesses (M, H, W) and masks (H, W)."""
    scores: dict[str, list[float]] = {}
    for stack, truth in known:
        for name, rule in RULES.items():
            scores.setdefault(name, []).append(overlap(rule(stack, weights), truth))
        for number, guess in enumerate(stack):
            scores.setdefault(f"member {number}", []).append(overlap(guess, truth))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def best_rule(scores: Mapping[str, float]) -> str:
    """Returns the rule with the highest score; the simplest of equals."""
    return max(RULES, key=lambda name: (scores[name], -list(RULES).index(name)))


def agreement(stack: Stack) -> float:
    """Returns how much the members agree: mean IoU of each with the mean of all, 0 to 1."""
    middle = mean(stack, ()) > 0.5
    return float(np.mean([overlap(guess, middle) for guess in stack]))


def write_pool(folder: Path, pictures: Iterable[tuple[str, Image, NDArray[np.bool_]]]) -> int:
    """Writes pictures (H, W, 3) with their masks (H, W) as a pool of training pictures; returns how many.

    The folder can be opened by `open_pool`; all are in the set "pseudo" and of the lowest accuracy group.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, object]] = []
    offset = 0
    with replacing(folder / "pixels.bin") as part, open(part, "wb") as out:
        for name, image, mask in pictures:
            height, width = mask.shape
            out.write(np.ascontiguousarray(image).tobytes())
            out.write((mask * np.uint8(255)).tobytes())
            entries.append(asdict(PoolEntry(name, SET, "object", GROUP, "", offset, height, width)))
            offset += 4 * height * width
    write_text(folder / "index.json", json.dumps({"version": CACHE_VERSION, "entries": entries}))
    return len(entries)


def label(data: Path, guesses: Path, target: Path, weights: Sequence[float] = ()) -> dict[str, object]:
    """Compares the rules on labelled pictures, labels the others, writes the pool; returns and writes the record.

    Args:
        data: training data; guesses for its labelled pictures decide on the rule, the unlabelled ones get masks.
        guesses: a folder for each member, with a grey picture for each picture.
        target: folder of the pool.
        weights: of the members in name order, for the weighted rule; () = equal.

    Raises:
        FileNotFoundError: there is no member, or no labelled picture among the guesses.
    """
    members = sorted(p for p in guesses.iterdir() if p.is_dir()) if guesses.is_dir() else []
    stills = data / "stills"
    with (stills / "index.csv").open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if all((m / f"{r['name']}.png").exists() for m in members)]
    labelled, bare = ([r["name"] for r in rows if r["kind"] == kind] for kind in ("object", "unlabelled"))
    if not members or not labelled:
        raise FileNotFoundError(f"{guesses} has no folders with guesses for labelled pictures of {data}.")
    shares = tuple(weights) or (1.0,) * len(members)

    def read(name: str) -> tuple[Image, Stack]:
        image = stills / "images" / f"{name}.webp"
        pairs = [read_pair(image, member / f"{name}.png") for member in members]
        return pairs[0][0], np.stack([guess for _, guess in pairs]).astype(np.float32) / 255.0

    def known() -> Iterator[tuple[Stack, NDArray[np.bool_]]]:
        for name in labelled:
            _, truth = read_pair(stills / "images" / f"{name}.webp", stills / "masks" / f"{name}.png")
            yield read(name)[1], truth > 127

    def made(rule: Rule) -> Iterator[tuple[str, Image, NDArray[np.bool_]]]:
        for name in bare:
            image, stack = read(name)
            mask = rule(stack, shares) > 0.5
            if mask.mean() > 0.01 and agreement(stack) >= AGREED:
                yield name, image, mask

    scores = compare(known(), shares)
    rule = best_rule(scores)
    record: dict[str, object] = {
        "members": [m.name for m in members],
        "weights": shares,
        "labelled": len(labelled),
        "scores": scores,
        "rule": rule,
        "agreed": AGREED,
        "unlabelled": len(bare),
        "kept": write_pool(target, made(RULES[rule])),
    }
    write_text(target / "rules.json", json.dumps(record, indent=1))
    return record


def main(words: list[str] | None = None) -> int:
    """Runs `label` and writes its record; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("guesses", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="POOL")
    parser.add_argument("--weights", type=float, nargs="+", default=(), help="of the members in name order")
    args = parser.parse_args(words)
    sys.stdout.write(json.dumps(label(args.data, args.guesses, args.output, args.weights), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
