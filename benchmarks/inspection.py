"""How long a person waits in `ReplacedTokenView`: what the inspector needs for an answer, after warm-up.

    KERAS_BACKEND=jax python benchmarks/inspection.py --vocab vocab.txt

A model with fresh weights (an answer takes as long as with trained ones) and a text of as many random
words as fit. Prints, for each kind of question, medians of wall and processor time.
"""

import argparse
import statistics
import time

import numpy as np

import keras_electra as ke
from keras_electra.tokenizer import WordPieceTokenizer

RARE = 3
"""Words of more letters than this are taken, so that few of them are parts of one another."""

SENTENCE_WORDS = 20


def timed(ask, count: int) -> str:
    """Medians of `ask(number)` over several numbers, as text."""
    walls, processors = [], []
    for number in range(count):
        wall, processor = time.perf_counter(), time.process_time()
        ask(number)
        walls.append(1000 * (time.perf_counter() - wall))
        processors.append(1000 * (time.process_time() - processor))
    return (
        f"{statistics.median(walls):7.0f} ms, {statistics.median(processors):7.0f} ms of processor"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocab", required=True, help="vocab.txt")
    parser.add_argument("--size", default="small")
    parser.add_argument("--num-tokens", type=int, default=128, help="length of the text (T)")
    parser.add_argument("--num-rounds", type=int, default=9)
    options = parser.parse_args()

    tokenizer = WordPieceTokenizer.from_file(options.vocab)
    model = ke.ElectraPretrainer.from_size(options.size, tokenizer.vocabulary_size)
    model.tokenizer, model.sequence_length = tokenizer, options.num_tokens
    inspector = ke.Inspector(model)
    words = [word for word in tokenizer.vocabulary if word.isalpha() and len(word) > RARE]
    rng = np.random.default_rng(0)
    text = " ".join(rng.choice(words, options.num_tokens - 2))
    sentence = " ".join(words[:SENTENCE_WORDS])
    places = [(word, 0) for word in range(10, options.num_tokens - 20, 6)]

    start = time.perf_counter()
    inspector.trace(text, masking="none")
    inspector.trace(text, masking="places", places=places)
    inspector.candidates(text, (3, 0), masking="none")
    ke.detect(model, [sentence])
    print(f"warm-up: {time.perf_counter() - start:.1f} s")
    for name, ask in {
        "a word edited, nothing masked": lambda number: inspector.trace(
            text, masking="none", edits={5: words[number]}
        ),
        f"a word edited, {len(places)} places masked": lambda number: inspector.trace(
            text, masking="places", places=places, edits={5: words[number]}
        ),
        "ten candidates": lambda number: inspector.candidates(
            text, (number + 3, 0), masking="none"
        ),
        f"`detect` of one sentence of {SENTENCE_WORDS} words": lambda number: ke.detect(
            model, [sentence.replace(words[5], words[number + 100])]
        ),
    }.items():
        print(f"{name}: {timed(ask, options.num_rounds)}")


if __name__ == "__main__":
    main()
