"""The sub-commands of `cutout`: each module has `add_parser` and the functions that run the command."""
