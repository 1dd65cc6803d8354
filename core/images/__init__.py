"""Mattes and crops as arrays, and the pictures that hold them."""
