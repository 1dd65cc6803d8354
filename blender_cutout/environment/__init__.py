"""The engine's Python: finds an interpreter, makes the environment, checks it. Standard library only."""
