"""What the tests of the model share: tiny networks, batches, a tokenizer and a store.

Sizes: V = 60 vocabulary entries, T = 12 tokens, B = 4 examples, 2 layers of width 16.
"""

import importlib.metadata
import importlib.util
import os
import tempfile

import numpy as np
import pytest

from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.masking import mask_batch, never_masked_ids
from keras_electra.masking.batch import SpecialIds
from keras_electra.store import Store, build_store
from keras_electra.tokenizer import WordPieceTokenizer

# Backends read these when they are imported. Networks this small cost more to compile, and to
# spread over threads, than to run; runs that share a program compile it once.
INSTALLED = [name for name in ("jax", "torch", "tensorflow") if importlib.util.find_spec(name)]
os.environ.setdefault("KERAS_BACKEND", INSTALLED[0])
COMPILED = tempfile.TemporaryDirectory(prefix="keras-electra-tests-")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", COMPILED.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

V, T, B = 60, 12, 4
SPECIAL = SpecialIds(pad_id=0, unknown_id=1, class_id=2, separator_id=3, mask_id=4)
ENCODER = {
    "vocabulary_size": V,
    "hidden_dim": 16,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 32,
    "embedding_dim": 8,
    "max_sequence_length": 16,
    "dropout_rate": 0.1,
    "attention_dropout_rate": 0.1,
}
SUBJECTS = ["cat", "dog", "man", "girl", "bird", "king", "horse", "wolf"]
VERBS = ["sees", "likes", "hears", "finds"]
ENDINGS = ["##s", "##ed", "##ing"]
PLACES = ["house", "wood", "river", "garden", "street", "field"]
SMALL_WORDS = ["the", "a", "in", "by", "and", ".", ",", "old", "young", "red", "blue", "green"]


def pytest_report_header():
    names = ("keras", "numpy", "jax", "tensorflow", "torch")
    versions = []
    for name in names:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return f"backend: {os.environ.get('KERAS_BACKEND', 'as in keras.json')}; {', '.join(versions)}"


@pytest.fixture(scope="session")
def vocabulary():
    words = [*SUBJECTS, *VERBS, *ENDINGS, *PLACES, *SMALL_WORDS]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    fill = [f"word{index}" for index in range(V - len(words) - len(special))]
    return [*special, *words, *fill]


@pytest.fixture(scope="session")
def tokenizer(vocabulary):
    return WordPieceTokenizer(vocabulary)


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory):
    """About 4000 tokens of sentences in which much can be guessed."""
    rng = np.random.default_rng(0)
    sentences = []
    for number in range(400):
        who, whom = rng.choice(SUBJECTS, 2)
        verb, place = rng.choice(VERBS), rng.choice(PLACES)
        sentences.append(f"the old {who} {verb} a young {whom} in the {place} .")
        if number % 8 == 7:
            sentences.append("")
    path = tmp_path_factory.mktemp("corpus") / "text.txt"
    path.write_text("\n".join(sentences), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def store(corpus_file, tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "store"
    build_store([corpus_file], tokenizer, path)
    return Store(path)


@pytest.fixture(scope="session")
def tiny_config():
    """A function: `PretrainConfig` of networks of one layer, with options changed by name."""

    def make(**changes):
        return PretrainConfig.from_size(
            "tiny",
            **{
                **ENCODER,
                "num_layers": 1,
                "architecture": "electra",
                "hidden_optimizer": "adamw",
                "generator_width_fraction": 0.5,
                "sequence_length": T,
                "batch_size": B,
                "steps": 12,
                "warmup_steps": 2,
                "learning_rate": 1e-2,
                "log_every_steps": 4,
                "checkpoint_every_steps": 5,
                **changes,
            },
        )

    return make


@pytest.fixture(scope="session")
def tiny_encoder():
    """A function: `EncoderConfig` of the tiny networks, with options changed by name."""
    return lambda **changes: EncoderConfig(**{**ENCODER, **changes})


@pytest.fixture(scope="session")
def make_batch():
    """A function: a batch as `PretrainBatches` gives it, of random tokens."""
    return random_batch


def random_batch(step=0, *, seed=0, num_examples=B, is_padded=True, masking=None, length=T):
    rng = np.random.default_rng([seed, step])
    token_ids = rng.integers(5, V, (num_examples, length)).astype("int32")
    token_ids[:, 0], token_ids[:, -1] = SPECIAL.class_id, SPECIAL.separator_id
    padding_mask = np.ones(token_ids.shape, bool)
    if is_padded:
        token_ids[-1, length // 2 :], padding_mask[-1, length // 2 :] = SPECIAL.pad_id, False
        token_ids[-1, length // 2 - 1] = SPECIAL.separator_id
    masked = mask_batch(
        token_ids,
        padding_mask,
        config=masking or MaskingConfig(mask_rate=0.3),
        special=SPECIAL,
        vocabulary_size=V,
        seed=seed,
        step=step,
    )
    segment_ids = (np.arange(length) >= length // 2).astype("int32") * padding_mask
    batch = {
        "token_ids": token_ids,
        "segment_ids": segment_ids,
        "maskable": ~np.isin(token_ids, never_masked_ids(SPECIAL)),
        "padding_mask": padding_mask,
        **masked,
    }
    if not is_padded:
        del batch["padding_mask"]
    return batch


@pytest.fixture
def shapes_only():
    """Variables made in this test are their shapes: they have no values, then or later."""
    import keras
    from keras.src.backend.common import global_state

    waiting = list(global_state.get_global_attribute("uninitialized_variables", []))
    with keras.StatelessScope(initialize_variables=False):
        yield
    global_state.set_global_attribute("uninitialized_variables", waiting)


@pytest.fixture
def comms(monkeypatch):
    """Counts what widgets send; see `widget_stubs.CountingComms`."""
    pytest.importorskip("anywidget")
    import widget_stubs

    return widget_stubs.install(monkeypatch)


@pytest.fixture
def unthreaded(monkeypatch):
    """A ticker without a thread: posted jobs are done at once, timers at its `run_timers()`."""
    pytest.importorskip("anywidget")
    from keras_electra_widgets import ticker

    plain = ticker.Ticker(has_thread=False)
    monkeypatch.setattr(ticker, "shared", plain)
    return plain


def assert_close(received, expected):
    """Two values in the types of JSON, numbers to 1e-4."""
    if isinstance(expected, dict):
        assert received.keys() == expected.keys()
        for name in expected:
            assert_close(received[name], expected[name])
    elif isinstance(expected, list | tuple):
        assert len(received) == len(expected)
        for one, other in zip(received, expected, strict=True):
            assert_close(one, other)
    elif isinstance(expected, float):
        assert received == pytest.approx(expected, abs=1e-4, rel=1e-4)
    else:
        assert received == expected
