"""Values as JSON: written, and checked where they are read. Standard library only."""
