"""The files of `static/`: modules and style sheets that travel to the browser as they are."""

import pathlib

STATIC = pathlib.Path(__file__).parent / "static"


def module_path(name: str) -> pathlib.Path:
    """The path of a widget's module: for `_esm`."""
    return STATIC / f"{name}.js"


def style_sheet(*names: str) -> str:
    """The colours of both themes, then the style sheets of these names: for `_css`.

    Every rule of them is written with the variables `--ke-text`, `--ke-quiet`, `--ke-ground`,
    `--ke-raised`, `--ke-line`, `--ke-focus`, `--ke-replaced`, `--ke-original` and `--ke-font`, which
    hold inside `.ke-panel` and `.ke-view`.
    """
    files = [STATIC / f"{name}.css" for name in ("theme", *names)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
