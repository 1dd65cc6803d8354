"""`cutout job` and `cutout queue`: makes, checks and runs job files."""
