"""The token grid: a text in aligned rows, drawn by `static/tokens.js`."""

import anywidget
import traitlets

from keras_electra_widgets.styles import module_path, style_sheet

EXAMPLES = (
    "The chef cooked the meal for twelve guests.",
    "It was raining, so the children stayed at home and read a book.",
    "Der alte Mann ging langsam über die Brücke nach Hause.",
)


class TokenGrid(anywidget.AnyWidget):
    """Shows one trace and sends what the user does; text is put into the page as text.

    Messages from the browser are `{id, kind, …}`: `run` (text), `settings` (names and values), `dice`,
    `sample`, `mask` (places, is_masked), `pin` (places), `edit` (word, text or None, is_final), `put`
    (place, token), `look` (place), `undo`, `redo`, `go` (index), `stop`. A place is [word, piece].
    """

    _esm = module_path("tokens")
    _css = style_sheet("tokens")

    trace = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`Trace.to_dict()`, or None before the first answer."""
    settings = traitlets.Dict().tag(sync=True)
    """The scenario's options, and `mask_percent` in place of a rate when the browser sends them."""
    threshold = traitlets.Float(0.5).tag(sync=True)
    """P(replaced) from which a token counts as noticed; the browser sets it."""
    reasons = traitlets.Dict().tag(sync=True)
    """Control → why it is off; those that are on are left out."""
    pins = traitlets.List().tag(sync=True)
    """Places that sampling leaves alone."""
    candidates = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`Candidates.to_dict()` of the place last looked at."""
    strip = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`{"places": […]}` of `SensitivePlace.to_dict()`, as far as they came."""
    compare = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`{"name", "probabilities"}` of another checkpoint."""
    film = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`{"frames": [{"step", "probabilities"}]}` of a run's checkpoints."""
    tries = traitlets.List().tag(sync=True)
    """The user's edits: `{"from", "to", "probability", "rank"}`."""
    game = traitlets.Bool(False).tag(sync=True)
    """Whether "Fool it!" is on."""
    history = traitlets.List().tag(sync=True)
    """`{"label", "is_now"}` of every state that can be gone back to."""
    can_undo = traitlets.Bool(False).tag(sync=True)
    can_redo = traitlets.Bool(False).tag(sync=True)
    job = traitlets.Dict(None, allow_none=True).tag(sync=True)
    """`{"name", "done", "total"}` of what is going on and takes long."""
    note = traitlets.Unicode().tag(sync=True)
    """The sentence below the rows, read out by screen readers."""
    examples = traitlets.List(list(EXAMPLES)).tag(sync=True)
    """Sentences offered where there is no text."""
    heard = traitlets.Int(0).tag(sync=True)
    """The last message of the browser that Python took."""

    def __repr__(self):
        return f"TokenGrid({self.settings.get('text', '')[:40]!r})"


class SuspectList(anywidget.AnyWidget):
    """The words of a file that look replaced most; a click sends `{kind: "line", text}`."""

    _esm = module_path("suspects")
    _css = style_sheet("suspects")

    title = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    """`ScoredWord.to_dict()`, most suspicious first."""

    def __repr__(self):
        return f"SuspectList({len(self.rows)} words)"
