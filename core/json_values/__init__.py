"""JSON encoding, and checks on decoding. Standard library only."""
