"""The fields that every launcher has, and how it counts those that are wrong."""

import pathlib

import ipywidgets

from keras_electra.errors import InputError
from keras_electra.files import write_bytes
from keras_electra.launching import free_name, installed_backends, usual_backend
from keras_electra.launching.installed import NAMES
from keras_electra_widgets import form

UPLOADS_FOLDER = "uploads"
NEW = ""
"""What stands in the field of the run to copy from while none is chosen."""


def number_of_problems(problems: dict) -> str:
    """How many fields are wrong."""
    number = len(problems)
    return f"{number} {'field needs' if number == 1 else 'fields need'} a correction"


def backend_row() -> form.Labelled:
    """A field for the backend: those that are installed, that of the kernel first chosen."""
    there = installed_backends()
    options = [(NAMES[name], name) for name in there] or [("none is installed", None)]
    return form.choice("backend", "Backend", options, usual_backend())


def place_rows(folder, stem: str) -> dict[str, form.Labelled]:
    """Fields for the working folder, the name of the run, and the run to copy settings from."""
    return {
        "folder": form.text(
            "folder", "Working folder", str(folder), "everything is written below it"
        ),
        "name": form.text("name", "Name of the run", free_name(folder, stem)),
        "same_as": form.choice("same_as", "Same as run", [("choose a run", NEW)], NEW),
    }


def written_uploads(upload: ipywidgets.FileUpload, folder: pathlib.Path) -> list[pathlib.Path]:
    """Write what was uploaded into the working folder; the paths of the files.

    Args:
        folder: the working folder.

    Raises:
        InputError: if a file has no name of its own.
    """
    written = []
    for file in upload.value:
        # A browser on Windows may send its own path.
        name = pathlib.PurePath(str(file["name"]).replace("\\", "/")).name.lstrip(".")
        if not name:
            raise InputError(f"upload: expected a file with a name, received {file['name']!r}")
        path = folder / UPLOADS_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, bytes(file["content"]))
        written.append(path)
    return written
