"""The head line and message strip of a panel, drawn by `static/head.js`."""

import anywidget
import traitlets

from keras_electra_widgets.styles import module_path, style_sheet

STATES = {
    "empty": ("○", "empty"),
    "ready": ("●", "ready"),
    "busy": ("◌", "busy"),
    "running": ("▶", "running"),
    "paused": ("‖", "paused"),
    "stopped": ("■", "stopped"),
    "finished": ("✓", "finished"),
    "stale": ("?", "no sign of life"),
    "error": ("!", "error"),
}
"""State to the sign and word of the badge; colour alone says nothing."""


class Head(anywidget.AnyWidget):
    """What stands above every panel; text is put into the page as text, never as markup."""

    _esm = module_path("head")
    _css = style_sheet("head")

    uid = traitlets.Unicode().tag(sync=True)
    """Name of the static copy below the panel."""
    state = traitlets.Enum(tuple(STATES), "empty").tag(sync=True)
    """One of `STATES`."""
    sign = traitlets.Unicode("○").tag(sync=True)
    word = traitlets.Unicode("empty").tag(sync=True)
    """The badge's sign and word."""
    title = traitlets.Unicode().tag(sync=True)
    subtitle = traitlets.Unicode().tag(sync=True)
    """Behind the title, smaller: step, speed, time left."""
    sentence = traitlets.Unicode().tag(sync=True)
    is_alert = traitlets.Bool(False).tag(sync=True)
    """The message strip, and whether it tells of an error."""
    details = traitlets.Unicode().tag(sync=True)
    """What folds out below the strip; empty for nothing."""
    code = traitlets.Unicode().tag(sync=True)
    """The Python that the button Code shows."""
    dark = traitlets.Bool(False).tag(sync=True)
    """Whether the page is dark; the browser tells."""

    chart = traitlets.Unicode().tag(sync=True)
    """What the panel's chart shows, in a sentence, for those who do not see it."""
    width = traitlets.Int(0).tag(sync=True)
    """Pixels that the panel is wide, in steps of 10; the browser tells. 0 until it did."""

    def __repr__(self):
        return f"Head({self.word}: {self.title!r})"
