"""A trace as a line of text, for consoles, logs and differences."""

from keras_electra.traces.records import Trace
from keras_electra.traces.verdicts import word_verdicts


def plain_text(trace: Trace, threshold: float = 0.5) -> str:
    """The text as the discriminator was shown it, with verdicts in brackets.

    For example "the chef [ate 0.91 caught] the meal". Words with nothing to say about them stand
    alone; what did not fit follows after a bar.
    """
    parts = []
    for number, verdict in enumerate(word_verdicts(trace, threshold)):
        shown = shown_word(trace, number)
        word = trace.words[number]
        if word.first == word.last:
            break
        if trace.probabilities is None:
            is_masked = any(word.first <= place < word.last for place in trace.mask_positions)
            parts.append(f"[{shown}]" if is_masked or word.edited is not None else shown)
        elif verdict:
            highest = trace.probabilities[word.first : word.last].max()
            parts.append(f"[{shown} {highest:.2f} {verdict}]")
        else:
            parts.append(shown)
    line = " ".join(parts)
    return f"{line} | {trace.left_out.strip()}" if trace.left_out.strip() else line


def shown_word(trace: Trace, number: int) -> str:
    """A word as the discriminator was shown it: as it was typed or edited, or its drawn pieces."""
    word = trace.words[number]
    pieces = range(word.first, word.last)
    if all(trace.corrupted_tokens[place] == trace.tokens[place] for place in pieces):
        return word.text if word.edited is None else word.edited
    return joined_pieces(trace.corrupted_tokens[word.first : word.last])


def joined_pieces(tokens: list[str]) -> str:
    """Pieces as one word; a piece that starts a word inside is set off by a dot.

    >>> joined_pieces(["play", "##ing", "cat"])
    'playing·cat'
    """
    first, *rest = tokens
    return first.removeprefix("##") + "".join(
        token[2:] if token.startswith("##") else f"·{token}" for token in rest
    )
