"""What the training pictures say about people, heads and sky, and where they say nothing.

A label has a bit for each mode where it shows, and four places higher a bit where that is known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PERSON, HEAD, SKY = 1, 2, 4
BITS = {"person": PERSON, "head": HEAD, "sky": SKY}
KNOWN = 4
"""Places from the bit of a mode to the one that says that the mode is known."""

Labels = NDArray[np.uint8]
Where = NDArray[np.bool_]

HELD_OUT = 0.15
"""Share of each set that is never trained on."""

CLOTHING_HEAD = (15, 17, 19, 20, 47)
"""Earrings, glasses, hair, hat and sunglasses, as clothing co-parsing numbers them."""
CLOTHING_SKIN = 41


@dataclass(frozen=True, slots=True)
class Films:
    """Films by what is known of people and sky in them.

    Attributes:
        alone: the object is the only person.
        person: the object is a person; there may be others.
        nobody: there are no people.
        no_sky: there is no sky.
    """

    alone: frozenset[str] = frozenset({"hike", "lucia", "rollerblade", "tennis"})
    person: frozenset[str] = frozenset({"breakdance-flare", "dance-jump", "hockey"})
    nobody: frozenset[str] = frozenset(
        (
            *("bear", "car-turn", "dog-agility", "drift-turn", "elephant", "flamingo"),
            *("mallard-fly", "mallard-water", "rhino", "soccerball", "train"),
        )
    )
    no_sky: frozenset[str] = frozenset(
        ("bear", "breakdance-flare", "flamingo", "mallard-water", "rollerblade", "soccerball", "tennis", "train")
    )


FILMS = Films()


def is_held_out(name: str) -> bool:
    """Returns whether the picture or stretch of film of that name is never trained on, by a fixed hash."""
    return hashlib.sha256(name.encode()).digest()[0] < HELD_OUT * 256


def pack(truth: dict[int, Where], known: dict[int, Where | bool], shape: tuple[int, int]) -> Labels:
    """Returns labels (H, W) from the modes' masks and from where each is known."""
    out = np.zeros(shape, np.uint8)
    for mode, there in truth.items():
        out[there] |= mode
    for mode, where in known.items():
        out[np.broadcast_to(where, shape)] |= mode << KNOWN
    return out


def of_classes(classes: Labels, person: Iterable[int], head: Iterable[int] | None, sky: Iterable[int]) -> Labels:
    """Returns labels from a map of classes, where 0 is unknown; `head` None: known only off the people."""
    known = classes > 0
    people = np.isin(classes, list(person))
    heads = np.isin(classes, list(head)) if head is not None else np.zeros_like(people)
    knows: dict[int, Where | bool] = {PERSON: known, SKY: known, HEAD: known if head is not None else known & ~people}
    return pack({PERSON: people, HEAD: heads, SKY: np.isin(classes, list(sky))}, knows, classes.shape)


def of_person(mask: Where, others: bool = False, clothing: Labels | None = None, no_sky: bool = False) -> Labels:
    """Returns labels of a person's mask; with `others` there may be people outside it.

    Args:
        mask: (H, W) of the person.
        others: people outside the mask are possible.
        clothing: (H, W) the classes of clothing co-parsing, which tell the head.
        no_sky: there is none.
    """
    around = mask if others else np.ones_like(mask)
    found = head_of(clothing) if clothing is not None else None
    heads, unsure = found if found is not None else (np.zeros_like(mask), mask)
    known: dict[int, Where | bool] = {PERSON: around, HEAD: around & ~unsure, SKY: no_sky or mask}
    return pack({PERSON: mask, HEAD: heads}, known, mask.shape)


def of_other(mask: Where, nobody: bool = False, no_sky: bool = False) -> Labels:
    """Returns labels of something that is neither a person nor the sky; `nobody`: no people elsewhere either."""
    return pack({}, {PERSON: nobody or mask, HEAD: nobody or mask, SKY: no_sky or mask}, mask.shape)


def of_film(name: str, mask: Where) -> Labels | None:
    """Returns labels of a film's object; None when nothing is known about what it is."""
    no_sky = name in FILMS.no_sky
    if name in FILMS.nobody:
        return of_other(mask, True, no_sky)
    if name in FILMS.alone or name in FILMS.person:
        return of_person(mask, name in FILMS.person, None, no_sky)
    return None


def head_of(clothing: Labels) -> tuple[Where, Where] | None:
    """Returns the head (H, W) of a standing person, and where it is unsure, around the neck; None without hair or hat.

    Skin belongs to the head down to the neck: where it is narrowest at a place that a standing body's proportions
    allow. Hair, hat, glasses and earrings belong to it wherever they hang down to.
    """
    import cv2

    worn, skin = np.isin(clothing, CLOTHING_HEAD), clothing == CLOTHING_SKIN
    rows = np.flatnonzero((clothing > 0).any(axis=1))
    if len(rows) == 0:
        return None
    tall, top = int(rows[-1] - rows[0] + 1), int(rows[0])
    upper = np.zeros_like(worn)
    upper[top : top + int(0.3 * tall)] = True
    count, parts, stats, _ = cv2.connectedComponentsWithStats(np.uint8((worn | skin) & upper), None)
    sizes: list[Any] = [
        np.count_nonzero((parts == k) & worn) + 0.01 * stats[k, cv2.CC_STAT_AREA] for k in range(1, count)
    ]
    if not sizes:
        return None
    part = parts == 1 + int(np.argmax(sizes))
    if not (part & worn).any():
        return None
    first = int(np.flatnonzero(part.any(axis=1))[0])
    columns = np.flatnonzero(part[first : first + max(int(0.12 * tall), 1)].any(axis=0))
    left, right = int(columns[0]), int(columns[-1]) + 1
    margin = (right - left) // 4
    skin_here = part & skin
    begin, end = first + int(0.10 * tall), first + max(int(0.17 * tall), int(0.10 * tall) + 1)
    widths = skin_here[begin:end, max(left - margin, 0) : right + margin].sum(axis=1)
    neck = begin + (int(np.argmin(widths)) if len(widths) else 0)
    above = np.arange(len(clothing))[:, None] < neck
    near = cv2.dilate(np.uint8(part), np.ones((5, 5), np.uint8)) > 0
    head = np.asarray((worn & upper & (parts > 0)) | (skin_here & above) | (worn & near))
    band = max(int(0.012 * tall), 1)
    unsure = np.zeros_like(head)
    unsure[neck - band : neck + 2 * band] = True
    close = cv2.dilate(np.uint8(head), np.ones((2 * band + 1, 2 * band + 1), np.uint8)) > 0
    return head, np.asarray(unsure & (skin | head) & close & ~worn)
