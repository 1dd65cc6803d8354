"""Measures mask quality on clips and pictures with known masks (`cutout evaluate`)."""
