"""Studies: measurements that answered a question once, and can answer it again."""
