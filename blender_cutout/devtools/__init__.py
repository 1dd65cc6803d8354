"""Tools that only a checkout needs: the extension's zip, finding Blenders, test environments, the demo."""
