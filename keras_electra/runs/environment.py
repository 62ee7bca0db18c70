"""What a run was made with: versions and machine."""

import importlib.metadata
import os
import platform

LIBRARIES = ("keras-electra", "keras", "numpy", "tokenizers", "jax", "tensorflow", "torch")


def environment_of(backend: str) -> dict:
    """Content of `environment.json` for a session on this machine.

    Args:
        backend: what Keras computes with.
    """
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "backend": backend,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "versions": versions,
    }
