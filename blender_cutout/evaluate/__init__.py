"""How good the masks are, measured on clips and pictures whose masks are known: `cutout evaluate`."""
