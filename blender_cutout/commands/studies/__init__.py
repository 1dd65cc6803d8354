"""Studies: measurements that answered a question once, and can be repeated."""
