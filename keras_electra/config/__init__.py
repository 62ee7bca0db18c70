"""Every option of the package, one file per thing configured."""
