"""The engine's own Python: finding an interpreter, making the environment, checking it. Standard library only."""
