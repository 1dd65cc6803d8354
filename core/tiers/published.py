"""Networks that others published and trained, as optional tiers: authors, licence, and where they come from.

Neither the package nor the weights are part of this project: the artist installs and downloads them on request. Imports
nothing heavy, so that the add-on can name authors and licence where one switches a network on.

One more network is one entry here, one in `tiers.PUBLISHED_TIERS`, and one module in `models/inference` that builds it.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """A published network.

    Attributes:
        name: what the user types; also the name of its tier.
        title: as its authors call it.
        authors: who made it.
        paper: where it is described.
        licence: of code and weights.
        package: what pip installs.
        module: what Python imports.
        group: the dependency group of this project with the package.
        file: name of the weight file.
        url: the file in the authors' own release.
        md5: of the file, as its authors state it; "" = not stated.
        sha256: of the file; "" = not stated.
        megabytes: about how large the file is, in MB of 2^20 bytes; 0 = not stated.
        also: further requirements of the package, in pip's syntax.
    """

    name: str
    title: str
    authors: str
    paper: str
    licence: str
    package: str
    module: str
    group: str
    file: str
    url: str
    md5: str = ""
    sha256: str = ""
    megabytes: int = 0
    also: tuple[str, ...] = ()

    @property
    def credit(self) -> str:
        """Returns title, authors and licence in one line."""
        return f"{self.title} by {self.authors} ({self.licence})"


PUBLISHED: dict[str, Published] = {
    network.name: network
    for network in (
        Published(
            name="cutie",
            title="Cutie",
            authors="Ho Kei Cheng, Seoung Wug Oh, Brian Price, Joon-Young Lee and Alexander Schwing",
            paper="Putting the Object Back into Video Object Segmentation, CVPR 2024, arXiv:2310.12982",
            licence="MIT",
            package="rf-cutie",
            module="cutie",
            group="cutie",
            file="cutie-base-mega.pth",
            url="https://github.com/hkchengrex/Cutie/releases/download/v1.0/cutie-base-mega.pth",
            md5="a6071de6136982e396851903ab4c083a",
            megabytes=134,
            also=("omegaconf>=2.4",),
        ),
    )
}
