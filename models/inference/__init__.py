"""Running trained networks behind the ports of `core`."""
