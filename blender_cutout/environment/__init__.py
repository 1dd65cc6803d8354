"""The engine's Python: finds an interpreter, makes and checks the environment. Standard library only."""
