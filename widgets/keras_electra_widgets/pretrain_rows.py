"""The fields of `PretrainLauncher`: where text and vocabulary come from, and which size."""

from keras_electra.config.sizes import SIZES
from keras_electra.launching import PretrainPlan
from keras_electra.launching.space import tokens_in
from keras_electra_widgets import form
from keras_electra_widgets.launch_fields import backend_row

BOOKS, PATHS, UPLOAD, STORE = "books", "paths", "upload", "store"
LEARN, FROM_FILE = "learn", "file"


def source_rows() -> dict[str, form.Labelled]:
    """The fields of text, vocabulary and size."""
    sources = [
        ("the books that come with the package", BOOKS),
        ("files and folders", PATHS),
        ("files uploaded here", UPLOAD),
        ("a store that is prepared already", STORE),
    ]
    vocabularies = [("learned from this text", LEARN), ("a file", FROM_FILE)]
    sizes = [(f"{name}: {of_size(recipe)}", name) for name, recipe in SIZES.items()]
    return {
        "source": form.choice("source", "Text from", sources),
        "corpus": form.lines("corpus", "Files", help="files, folders or patterns, one a line"),
        "prepared_store": form.text("prepared_store", "Store", help="a folder made by prepare"),
        "vocabulary_source": form.choice("vocabulary_source", "Vocabulary", vocabularies),
        "vocabulary": form.text("vocabulary", "Its file", help="one token per line"),
        "vocabulary_size": form.text(
            "vocabulary_size", "Entries", "8192", "most entries; a small corpus gives fewer"
        ),
        "size": form.choice("size", "Size", sizes),
        "backend": backend_row(),
    }


def of_size(recipe: dict) -> str:
    """A size in few words."""
    return f"{recipe['num_layers']} layers of {recipe['hidden_dim']}"


def corpus_lines(text: str) -> tuple[str, ...]:
    """The paths in a text, one a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def corpus_tokens(plan: PretrainPlan) -> int | None:
    """Tokens to train on: those of the store, or about those that the text will have."""
    if plan.store_path.exists():
        from keras_electra.store.manifest import Manifest

        manifest = Manifest.read(plan.store_path)
        return manifest.num_tokens - manifest.num_held_out_tokens
    num_bytes = plan.corpus_bytes
    return None if num_bytes is None else tokens_in(num_bytes, plan.entries())
