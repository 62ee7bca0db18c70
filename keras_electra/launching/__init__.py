"""Starting runs as processes of their own: what is asked for, checked, estimated, started, found again."""
