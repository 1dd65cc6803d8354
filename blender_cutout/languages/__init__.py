"""The texts of the interface in other languages: one JSON file for each, and how a shown text finds its translation."""
