"""Which backend a command runs on, decided before Keras is imported."""

import os
import pathlib
import sys

from keras_electra.errors import InputError
from keras_electra.files import cache_path, readable_json
from keras_electra.launching.installed import BACKENDS, check_backend, installed_backends

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "2", "GRPC_VERBOSITY": "ERROR", "GLOG_minloglevel": "2"}

CACHE = "KERAS_ELECTRA_CACHE"
"""The variable that names another folder for compiled programs, or says "off"."""

WRITTEN_BY_KERAS = {
    "floatx": "float32",
    "epsilon": 1e-07,
    "backend": "tensorflow",
    "image_data_format": "channels_last",
}
"""What Keras itself writes at its first import, whatever the backend: nobody's choice."""


def start_backend(named: str | None, tell) -> str:
    """Choose a backend, have Keras take it, and say which and why.

    Args:
        named: what `--backend` said, or None.
        tell: called with the sentence.

    Raises:
        InputError: if the chosen one, or any, is not installed.
    """
    loaded = sys.modules.get("keras")
    if loaded is not None:
        return _loaded_backend(loaded.config.backend(), named)
    backend, reason = choose_backend(named)
    for name, value in {**QUIET, **compiled_programs(backend)}.items():
        os.environ.setdefault(name, value)
    os.environ["KERAS_BACKEND"] = backend
    tell(f"backend: {backend} ({reason})")
    return backend


def choose_backend(named: str | None = None) -> tuple[str, str]:
    """The backend, and the reason for it.

    The first of: `--backend`, KERAS_BACKEND, an installed one named in keras.json, any installed.
    """
    if named:
        check_backend(named, "--backend")
        return named, "--backend"
    if os.environ.get("KERAS_BACKEND"):
        check_backend(os.environ["KERAS_BACKEND"], "KERAS_BACKEND")
        return os.environ["KERAS_BACKEND"], "KERAS_BACKEND"
    path, there = keras_json_path(), installed_backends()
    configured = backend_of_keras_json(path)
    if configured in there:
        return configured, str(path)
    if there:
        return there[0], f"the first installed of {', '.join(BACKENDS)}"
    raise InputError(
        "backend: expected JAX, PyTorch or TensorFlow to be installed, found none; "
        "pip install 'keras-electra[jax]'"
    )


def compiled_programs(backend: str) -> dict[str, str]:
    """Variables that have a backend keep what it compiles for the next start; JAX alone can.

    PyTorch compiles nothing here, and TensorFlow nothing on a CPU. By itself JAX keeps what took a second;
    the figures of a row alone are 65 programs of some hundredths each, 1.4 s of every start.
    """
    wish = os.environ.get(CACHE, "")
    if backend != "jax" or wish.lower() == "off":
        return {}
    return {
        "JAX_COMPILATION_CACHE_DIR": str(pathlib.Path(wish) if wish else cache_path() / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }


def keras_json_path() -> pathlib.Path:
    """Where Keras looks for the user's choice."""
    if "KERAS_HOME" in os.environ:
        return pathlib.Path(os.environ["KERAS_HOME"]).expanduser() / "keras.json"
    home = os.path.expanduser("~")
    return pathlib.Path(home if os.access(home, os.W_OK) else "/tmp") / ".keras" / "keras.json"


def backend_of_keras_json(path: pathlib.Path) -> str | None:
    """The backend that the user wrote there; None for the file as Keras makes it by itself."""
    content = readable_json(path)
    return None if content == WRITTEN_BY_KERAS else content.get("backend")


def _loaded_backend(loaded, named):
    if named not in (None, loaded):
        raise InputError(
            f"--backend: expected {loaded!r}, with which Keras is running in this process already, "
            f"received {named!r}"
        )
    return loaded
