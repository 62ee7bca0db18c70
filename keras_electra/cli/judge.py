"""`detect` and `corrupt`: what a model makes of given text."""

import dataclasses
import pathlib

import rich.text

from keras_electra.cli import display
from keras_electra.cli.arguments import (
    Backend,
    Json,
    Texts,
    Weights,
    existing,
    start_keras,
    texts_of,
)
from keras_electra.cli.options import argument, whole
from keras_electra.errors import InputError
from keras_electra.traces.files import lines_of

Model = argument(pathlib.Path, "run, checkpoint or preset", metavar="DIR")
SHADES = ((0.75, "bold white on red"), (0.5, "bold red"), (0.25, "yellow"))
"""Probability from which a token is shown in a colour."""
AROUND = 30
"""Characters shown on each side of a suspicious word."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Detect:
    """Say of every token of some texts how probable it is that it was replaced.

    Of a whole file, the words that look replaced most are listed.
    """

    texts: Texts = ()
    model: Model
    file: argument(pathlib.Path | None, "judge the lines of a text file", "", metavar="FILE") = None
    top: whole("top", "words of the file to list") = 20
    weights: Weights = "last"
    json: Json = False
    backend: Backend = None

    def run(self):
        if self.file is not None:
            return self._judge_file()
        texts, path = texts_of(self.texts), existing("--model", self.model)
        start_keras(self.backend)
        from keras_electra.corpus import Texts
        from keras_electra.predict import detect

        model = load(path, self.weights)
        with display.waiting("judging"):
            detections = detect(model, Texts(texts))
        for detection in detections:
            if self.json:
                display.print_json(detection.to_dict())
            else:
                display.output.print(marked(detection.text, detection))
                print_tokens(detection)
        return None

    def _judge_file(self):
        """List the most suspicious words of the file."""
        if self.texts:
            raise InputError("text: expected none beside --file, received some")
        if self.top < 1:
            raise InputError(f"--top: expected at least 1, received {self.top}")
        lines, path = lines_of(self.file), existing("--model", self.model)
        start_keras(self.backend)
        from keras_electra.inspection import score_lines

        model, words = load(path, self.weights), []
        with display.progress("judging") as tell:
            for done, total, best in score_lines(model, lines, self.top):
                tell(done, total)
                words = best
        if self.json:
            for word in words:
                display.print_json(word.to_dict())
        else:
            print_words(words)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Corrupt:
    """Mask texts, have the generator fill them and the discriminator judge them."""

    texts: Texts = ()
    model: Model
    seed: whole("seed", "decides the masks and the draws") = 0
    weights: Weights = "last"
    json: Json = False
    backend: Backend = None

    def run(self):
        texts, path = texts_of(self.texts), existing("--model", self.model)
        start_keras(self.backend)
        from keras_electra.corpus import Texts
        from keras_electra.tracing import trace

        model = load(path, self.weights)
        with display.waiting("corrupting"):
            traces = trace(model, Texts(texts), seed=self.seed)
        for one in traces:
            if self.json:
                display.print_json(rows_of(one))
            else:
                print_trace(one)


def load(path, weights="last"):
    """The model of a folder."""
    from keras_electra.opening import load as load_model

    with display.waiting(f"loading {path}"):
        return load_model(path, weights=weights)


def print_words(words) -> None:
    """A table with one suspicious word a row, and what stands around it."""
    grid = display.table("word", "line", "P(replaced)", "where it stands")
    grid.columns[3].justify = "left"
    for word in words:
        style = shade(word.replaced)
        first = max(0, word.start - AROUND)
        around = rich.text.Text(word.text[first : word.end + AROUND])
        around.stylize(style or "bold", word.start - first, word.end - first)
        figures = str(word.line), rich.text.Text(f"{word.replaced:.3f}", style)
        grid.add_row(rich.text.Text(word.word, style), *figures, around)
    display.output.print(grid)


def marked(text: str, detection) -> rich.text.Text:
    """The text with its suspicious places in colour."""
    line = rich.text.Text(text)
    for (start, end), probability in zip(detection.offsets, detection.probabilities, strict=True):
        line.stylize(shade(probability), start, end)
    return line


def print_tokens(detection) -> None:
    """A table with one token a row."""
    grid = display.table("token", "P(replaced)")
    for token, probability in zip(detection.tokens, detection.probabilities, strict=True):
        style = shade(probability)
        grid.add_row(rich.text.Text(token, style), rich.text.Text(f"{probability:.3f}", style))
    display.output.print(grid)
    display.say()


def rows_of(trace) -> dict:
    """A trace as `--json` prints it: every list has one entry per token."""
    return {
        "text": trace.text,
        "tokens": trace.tokens,
        "masked_tokens": trace.masked_tokens,
        "sampled_tokens": sampled_by_place(trace),
        "corrupted_tokens": trace.corrupted_tokens,
        "is_replaced": trace.is_replaced,
        "replaced": trace.probabilities,
    }


def sampled_by_place(trace) -> list[str | None]:
    """The token drawn for each place, None where none was."""
    sampled = [None] * len(trace.tokens)
    for place, token in zip(trace.mask_positions, trace.sampled_tokens, strict=True):
        sampled[place] = token
    return sampled


def print_trace(trace) -> None:
    """Original, masked, sampled and score side by side; what was replaced stands out."""
    grid = display.table("original", "masked", "sampled", "replaced", "P(replaced)")
    for column in grid.columns[:4]:
        column.justify = "left"
    has_scores = trace.probabilities is not None
    scores = trace.probabilities if has_scores else [None] * len(trace.tokens)
    columns = (
        trace.tokens,
        trace.masked_tokens,
        sampled_by_place(trace),
        trace.is_replaced,
        scores,
    )
    for original, masked, sampled, is_replaced, score in zip(*columns, strict=True):
        grid.add_row(
            rich.text.Text(original),
            rich.text.Text(masked, "cyan" if masked != original else ""),
            rich.text.Text(sampled or "", "red" if is_replaced else "green"),
            rich.text.Text("yes", "red") if is_replaced else "",
            rich.text.Text("-" if score is None else f"{score:.3f}", shade(score or 0.0)),
        )
    display.output.print(grid)
    display.say()


def shade(probability: float) -> str:
    """The style of a token with this probability of being replaced."""
    return next((style for limit, style in SHADES if probability >= limit), "")
