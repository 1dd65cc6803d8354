"""The cutout data stored in a .blend file, and its rules."""
