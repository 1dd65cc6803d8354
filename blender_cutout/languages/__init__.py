"""The interface's texts in other languages: a JSON file each, and the lookup of translations."""
