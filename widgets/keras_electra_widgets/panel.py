"""What all panels share: the head line, the message strip, the static copy, errors, timers."""

import difflib
import functools
import itertools
import pathlib
import threading
import time
import traceback

import ipywidgets
from IPython.display import display

from keras_electra.errors import ElectraError
from keras_electra.files import write_bytes
from keras_electra_widgets import static_html, ticker
from keras_electra_widgets.head import STATES, Head

STATIC_SECONDS = 60.0
"""The static copy is renewed when the state changes, and at most this often in between."""

_numbers = itertools.count(time.time_ns() // 1000)


class Panel(ipywidgets.VBox):
    """A view of plain objects, which work without it.

    A panel tells its state in words, turns every error of a callback into a sentence, and leaves a copy
    in the notebook that needs no kernel. A subclass fills `body`, and says in `code`, `static_parts` and
    `as_text` what it shows. Widgets are written by one thread (`ticker`): callbacks go through
    `guarded`, repeated work through `every`, and what takes long through `work`.

    Args:
        title: what the panel shows, such as the name of a run.
        body: widgets below the message strip.
    """

    # A panel that could not be made is closed too, when Python forgets it.
    head, _timers = None, ()

    def __init__(self, title: str, body=()):
        # Letters and digits only: it becomes part of a style rule.
        self.uid = f"{type(self).__name__}-{next(_numbers)}"
        self.head = Head(uid=self.uid, title=title)
        self._timers, self._copy, self._copied_at = [], None, float("-inf")
        super().__init__([self.head, *body])
        self.add_class("ke-panel")
        self.head.on_msg(self.guarded(lambda head, message, buffers: self._hear(message)))
        self.head.observe(self.guarded(lambda change: self.on_theme(change["new"])), names="dark")
        if self.head.dark:
            # The browser told it before anyone observed.
            self.guarded(lambda _: self.on_theme(True))(None)

    # What subclasses say.

    def code(self) -> str:
        """The Python that shows what this panel shows now."""
        return f"from keras_electra_widgets import {type(self).__name__}"

    def static_parts(self) -> list[str]:
        """Markup of the static copy, below title and state; made with `static_html`."""
        return []

    def as_text(self) -> str:
        """The panel as plain text, for consoles."""
        lines = [
            f"{self.head.sign} {self.head.word}  {self.head.title}  {self.head.subtitle}".rstrip()
        ]
        return "\n".join([*lines, *filter(None, [self.head.sentence])])

    def log_tail(self) -> str:
        """The last lines of a log, to stand under an error; empty if there is none."""
        return ""

    def on_theme(self, dark: bool) -> None:
        """Called when the page becomes dark or light."""

    # What subclasses use.

    @property
    def state(self) -> str:
        """One of `head.STATES`."""
        return self.head.state

    def set_state(self, state: str, word: str | None = None, subtitle: str | None = None) -> None:
        """Say what is going on.

        Args:
            state: one of `head.STATES`.
            word: what the badge says; None for the state's own word.
            subtitle: what stands behind the title; None leaves it as it is.
        """
        sign, usual_word = STATES[state]
        word = usual_word if word is None else word
        is_news = (state, word) != (self.head.state, self.head.word)
        with self.head.hold_sync():
            self.head.state, self.head.sign, self.head.word = state, sign, word
            if subtitle is not None:
                self.head.subtitle = subtitle
        if is_news:
            self.renew_copy(now=True)

    def say(self, sentence: str, details: str = "") -> None:
        """Show a sentence in the message strip, and what folds out below it."""
        self._put_message(sentence, details, is_alert=False)

    def alarm(self, sentence: str, details: str = "") -> None:
        """Show a sentence in the message strip as an error, and what folds out below it."""
        self._put_message(sentence, details, is_alert=True)

    def fail(self, error: BaseException) -> None:
        """Show an error: one sentence; where it was raised and the last log lines fold out."""
        sentence = str(error) if isinstance(error, ElectraError) else _sentence(error)
        parts = ["".join(traceback.format_exception(error)).rstrip()]
        tail = self.log_tail()
        if tail:
            parts.append(f"The last lines of the log:\n{tail}")
        self.alarm(sentence, "\n\n".join(parts))

    def guarded(self, callback):
        """A callback for `on_click`, `observe` and the like: it is done by the thread that writes
        widgets, after what waits there, and its errors stand in the message strip."""

        @functools.wraps(callback)
        def posting(*arguments):
            ticker.shared.post(lambda: callback(*arguments), self.fail)

        return posting

    def every(self, period_seconds: float, job) -> ticker.Timer:
        """Have `job()` done now and every so many seconds until the panel is closed."""
        timer = ticker.shared.every(period_seconds, job, self.fail)
        self._timers.append(timer)
        return timer

    def work(self, job, then=None, on_error=None) -> threading.Thread:
        """Do what takes long in a thread of its own, then `then(result)` where widgets are written.

        Args:
            job: called without arguments; may not touch a widget.
            then: called with its result.
            on_error: called with its error, after `fail`.
        """

        def run():
            try:
                result = job()
            except Exception as error:
                failure = error
                ticker.shared.post(lambda: self._broken(failure, on_error), self.fail)
            else:
                if then is not None:
                    ticker.shared.post(lambda: then(result), self.fail)

        thread = threading.Thread(target=run, name=f"{self.uid}-work", daemon=True)
        thread.start()
        return thread

    def renew_copy(self, now: bool = False) -> None:
        """Bring the static copy in the notebook up to date, if it is old or `now` is asked for."""
        is_old = time.monotonic() - self._copied_at > STATIC_SECONDS
        if self._copy is not None and (now or is_old):
            self._copied_at = time.monotonic()
            self._copy.update(self._copy_bundle(), raw=True)

    # What users call.

    def keep(self) -> None:
        """Write what is shown into the notebook now, so that the next save holds it."""
        if self._copy is None:
            self.say(
                "No cell shows this panel by itself, so no notebook can keep it: use to_html()."
            )
            return
        self.renew_copy(now=True)
        self.say("What is shown now stands in the notebook; save it to keep it.")

    def to_html(self, path) -> pathlib.Path:
        """Write what is shown now as a page of its own that needs nothing else; returns its path."""
        path = pathlib.Path(path)
        write_bytes(path, static_html.page(self.head.title, self._parts()).encode())
        return path

    def flush(self, timeout_seconds: float = 10.0) -> bool:
        """Wait until all that was clicked and posted is done; whether it is."""
        return ticker.shared.flush(timeout_seconds)

    def close(self) -> None:
        """End the panel's timers and take it from the page; what it showed goes on without it."""
        for timer in self._timers:
            timer.cancel()
        if self.head is not None:
            self.head.close()
        super().close()

    def __repr__(self):
        return f"<{type(self).__name__} {self.head.title!r}: {self.head.word}>"

    def _ipython_display_(self, **kwargs):
        live = super()._repr_mimebundle_() or {}
        display({**live, "text/plain": repr(self)}, raw=True)
        # A bundle with both would show neither once the kernel is gone: two outputs.
        self._copied_at = time.monotonic()
        self._copy = display(self._copy_bundle(), raw=True, display_id=f"ke-{self.uid}")

    def _copy_bundle(self):
        markup = static_html.static_copy(self.uid, self._parts())
        return {"text/html": markup, "text/plain": self.as_text()}

    def _parts(self):
        head = self.head
        line = (
            f"{static_html.state_badge(head.sign, head.word)} <b>{static_html.escaped(head.title)}</b> "
            f"{static_html.escaped(head.subtitle)}"
        )
        parts = [f'<p style="margin:2px 0">{line}</p>']
        if head.sentence:
            parts.append(static_html.paragraph(head.sentence))
        return [*parts, *self.static_parts()]

    def _put_message(self, sentence, details, is_alert):
        with self.head.hold_sync():
            self.head.is_alert, self.head.sentence, self.head.details = is_alert, sentence, details

    def _broken(self, error, on_error):
        self.fail(error)
        if on_error is not None:
            on_error(error)

    def _hear(self, message):
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "code":
            self.head.code = self.code()
        elif kind == "keep":
            self.keep()


def refuse_unknown(name: str, given, known) -> None:
    """Raise `TypeError` for the first keyword that a panel does not have, with the nearest it has.

    Args:
        name: of the panel.
        given: keywords received.
        known: keywords it takes.
    """
    for keyword in given:
        if keyword not in known:
            near = difflib.get_close_matches(keyword, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"{name}: expected one of {', '.join(known)}, received {keyword!r}{hint}"
            )


def _sentence(error):
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
