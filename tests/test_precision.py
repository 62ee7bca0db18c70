"""Mixed precision: what is drawn, counted and compared stays float32, on every backend and path.

Under a policy of 16 bits Keras casts the float inputs of a model, unless that is switched off.
"""

import keras
import numpy as np
import pytest
from keras import ops
from scipy.stats import chisquare

from keras_electra import backends
from keras_electra.backbone import ElectraBackbone
from keras_electra.errors import InputError
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.profiling import part_seconds
from keras_electra.sampling import read_logits, sample_tokens, sample_uniformly
from keras_electra.task_models import TextClassifier, TextRegressor

V, T, K = 60, 12, 4
ROWS, STEPS = 512, 12
"""Rows of a step, all with one text, and steps: 24,576 samples."""

LARGE = 30_522
CHOICES = [
    {"objective": "rtd", "temperature": 2.0, "correct_token_allowed": False},
    {"objective": "rtd", "generator": "uniform"},
    {"objective": "electric", "generator": "two_tower"},
]
MORE_CHOICES = [
    {"objective": "rtd"},
    {"objective": "rtd", "generator": "two_tower", "correct_token_allowed": False},
    {"objective": "rtd_masked_only", "generator": "tied", "temperature": 2.0},
    {"objective": "rtd", "embedding_sharing": "none", "correct_token_allowed": False},
    {"objective": "rtd", "embedding_sharing": "none", "has_frozen_generator": True},
    {"objective": "rtd", "embedding_sharing": "disentangled", "temperature": 0.5},
    {"objective": "rtd", "generator": "uniform", "correct_token_allowed": False},
    {"objective": "mlm"},
    {"objective": "replace_mlm", "embedding_sharing": "token"},
    {"objective": "all_tokens_mlm", "temperature": 2.0, "correct_token_allowed": False},
]
full = pytest.mark.full
ALL = [*CHOICES, *(pytest.param(choice, marks=full) for choice in MORE_CHOICES)]


class Samples(keras.metrics.Metric):
    """How often each entry was sampled, counted inside of the training step."""

    def __init__(self, vocabulary_size):
        super().__init__(name="samples")
        self.counts = self.add_variable((vocabulary_size,), "zeros", name="counts")

    def update_state(self, outputs):
        ids = ops.reshape(outputs["sampled_ids"], (-1,))
        ones = ops.ones_like(ids, dtype="float32")
        self.counts.assign_add(backends.summed_by_bin(ones, ids, self.counts.shape[0]))

    def result(self):
        return ops.sum(self.counts)


class Counted(ElectraPretrainer):
    """A pretrainer that counts its samples."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.samples = Samples(self.encoder.vocabulary_size)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.samples.update_state(y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)


@pytest.fixture(scope="module")
def make_model(tiny_encoder):
    """A function: a pretrainer that prefers some tokens; equal weights whatever the policy."""

    def make(dtype, kind=Counted, vocabulary_size=V, accumulation_steps=1, **objective):
        options = {"num_layers": 1, "dropout_rate": 0.0, "attention_dropout_rate": 0.0}
        encoder = tiny_encoder(vocabulary_size=vocabulary_size, **options)
        objective = {"generator_width_fraction": 0.5, **objective}
        parts = {"dtype": dtype, "accumulation_steps": accumulation_steps}
        model = kind(encoder, objective, {"mask_rate": 0.3}, **parts)
        if model.generator is not None:
            bias = np.random.default_rng(1).standard_normal(vocabulary_size)
            model.generator.head.output_bias.assign(bias)
        return model

    return make


def batch_of(num_rows, vocabulary_size=V, seed=0):
    """One text in every row, of which K positions are masked; draws differ, and no samples are given."""
    rng = np.random.default_rng([seed, vocabulary_size])
    token_ids = np.random.default_rng(2).integers(5, vocabulary_size, T).astype("int32")
    positions = np.arange(1, K + 1, dtype="int32")
    masked_ids, slots = token_ids.copy(), np.full(T, K, "int32")
    masked_ids[positions], slots[positions] = 4, np.arange(K)
    row = {
        "token_ids": token_ids,
        "segment_ids": np.zeros(T, "int32"),
        "maskable": np.ones(T, bool),
        "masked_ids": masked_ids,
        "mask_positions": positions,
        "mask_weights": np.ones(K, "float32"),
        "slot_of_token": slots,
    }
    batch = {name: np.repeat(value[None], num_rows, axis=0) for name, value in row.items()}
    return {**batch, "uniform_draws": rng.random((num_rows, K), dtype=np.float32)}


def tensors(batch):
    return {name: ops.convert_to_tensor(value) for name, value in batch.items()}


def array(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))


def probabilities(model):
    """(K, V) of the samples of a float32 model, by their definition."""
    batch, objective, size = batch_of(1), model.objective, model.encoder.vocabulary_size
    if size != V:
        batch = batch_of(1, size)
    answers = batch["token_ids"][0, batch["mask_positions"][0]]
    logits = np.zeros((K, size))
    if model.generator is not None:
        shown = "token_ids" if objective.generator == "two_tower" else "masked_ids"
        inputs = {**batch, "token_ids": batch[shown]}
        logits = array(model.generator(tensors(inputs)))[0].astype("float64")
        logits /= objective.temperature
    masses = np.exp(logits - logits.max(-1, keepdims=True))
    if not objective.correct_token_allowed:
        masses[np.arange(K), answers] = 0
    return masses / masses.sum(-1, keepdims=True)


def goodness_of_fit(counts, chances):
    """p-value of counts (V,) under chances (K, V); an entry that cannot be sampled has no count."""
    expected = chances.mean(0) * counts.sum()
    assert not counts[expected == 0].any()
    return chisquare(counts[expected > 0], expected[expected > 0]).pvalue


def trained(model, batch, **options):
    """A model after one pass of `fit` over a batch, with weights that stay where they are."""
    config = {"learning_rate": 1e-12, "weight_decay_rate": 0.0, "warmup_steps": 1}
    model.compile(optimizer=ElectraAdamW(config, 100), **options)
    history = model.fit(batch, batch_size=ROWS, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    return model


# Samples


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", pytest.param("mixed_float16", marks=full)])
@pytest.mark.parametrize("choice", ALL, ids=str)
def test_training_samples_what_float32_says(make_model, choice, dtype):
    chances = probabilities(make_model("float32", **choice))
    model = trained(make_model(dtype, **choice), batch_of(ROWS * STEPS), run_eagerly=True)
    counts = array(model.samples.counts)
    assert counts.sum() == ROWS * STEPS * K
    assert goodness_of_fit(counts, chances) > 1e-3


@pytest.mark.parametrize(
    "options",
    [
        {"accumulation_steps": 2, "steps_per_execution": 2},
        pytest.param({"jit_compile": True}, marks=full),
    ],
    ids=str,
)
def test_compiled_steps_sample_the_same(make_model, options):
    options = dict(options)
    parts = options.pop("accumulation_steps", 1)
    chances = probabilities(make_model("float32"))
    model = make_model("mixed_bfloat16", accumulation_steps=parts)
    trained(model, batch_of(ROWS * STEPS), **options)
    assert goodness_of_fit(array(model.samples.counts), chances) > 1e-3


@pytest.mark.parametrize("path", ["call", "predict_on_batch", "stateless_call"])
def test_other_paths_sample_what_float32_says(make_model, path):
    model = make_model("mixed_bfloat16")
    counts = np.zeros(V)
    for seed in range(STEPS):
        batch = batch_of(ROWS, seed=seed)
        if path == "stateless_call":
            state = model.trainable_variables, model.non_trainable_variables
            outputs = model.stateless_call(*state, tensors(batch))[0]
        else:
            outputs = model(tensors(batch)) if path == "call" else model.predict_on_batch(batch)
        counts += np.bincount(np.ravel(outputs["sampled_ids"]), minlength=V)
        assert keras.backend.standardize_dtype(outputs["mlm_weights"].dtype) == "float32"
    assert goodness_of_fit(counts, probabilities(make_model("float32"))) > 1e-3


@pytest.mark.parametrize("correct_token_allowed", [True, False])
def test_uniform_samples_of_a_large_vocabulary(make_model, correct_token_allowed):
    """Every entry as often as any other, and none outside of the vocabulary."""
    options = {"generator": "uniform", "correct_token_allowed": correct_token_allowed}
    model = make_model("mixed_bfloat16", vocabulary_size=LARGE, **options)
    rows = 20_000
    batch = batch_of(rows, LARGE)
    batch["uniform_draws"][0, :2] = 0, 1 - 2**-24
    outputs = model(tensors(batch))
    ids = ops.convert_to_numpy(outputs["sampled_ids"])
    assert ids.min() == 0 and ids.max() == LARGE - 1
    np.testing.assert_allclose(array(outputs["mlm_losses"]), np.log(LARGE), rtol=1e-6)
    chances = probabilities(make_model("float32", vocabulary_size=LARGE, **options))
    # By bins of 6 entries: 15 samples each.
    counts = np.bincount(ids.ravel(), minlength=LARGE).reshape(-1, 6).sum(-1)
    assert goodness_of_fit(counts, chances.reshape(K, -1, 6).sum(-1)) > 1e-3


def test_samples_of_a_large_vocabulary(make_model):
    chances = probabilities(make_model("float32", vocabulary_size=LARGE))
    model = make_model("mixed_bfloat16", vocabulary_size=LARGE)
    counts = np.zeros(LARGE)
    for seed in range(12):
        ids = model(tensors(batch_of(128, LARGE, seed)))["sampled_ids"]
        counts += np.bincount(ops.convert_to_numpy(ids).ravel(), minlength=LARGE)
    # By bins of 61 or 62 entries: 12 samples each.
    bins = np.arange(LARGE) * 500 // LARGE
    binned = np.stack([np.bincount(bins, weights=row) for row in chances])
    assert goodness_of_fit(np.bincount(bins, weights=counts), binned) > 1e-3


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_draws_of_16_bits_are_refused(dtype):
    """As when another model, that casts its inputs, calls this one."""
    draws = ops.cast(ops.ones((1, 2)) / 2, dtype)
    with pytest.raises(InputError, match=f"uniform_draws: .* 32 bits, received {dtype}.*autocast"):
        sample_uniformly(draws, V)
    with pytest.raises(InputError, match=f"uniform_draws: .* 32 bits, received {dtype}"):
        sample_tokens(ops.ones((1, 2, V)), draws)
    with pytest.raises(InputError, match=f"masses: .* 32 bits, received {dtype}"):
        sample_tokens(ops.ones((1, 2, V), dtype), ops.ones((1, 2)))


def test_a_model_around_the_pretrainer(make_model):
    class Around(keras.Model):
        def __init__(self, inner, **options):
            super().__init__(dtype="mixed_bfloat16", **options)
            self.inner = inner

        def call(self, batch):
            return self.inner(batch)

    model, batch = make_model("mixed_bfloat16"), tensors(batch_of(ROWS))
    with pytest.raises(InputError, match="uniform_draws"):
        Around(model)(batch)
    np.testing.assert_array_equal(
        array(Around(model, autocast=False)(batch)["sampled_ids"]),
        array(model(batch)["sampled_ids"]),
    )


def test_ids_given_as_numbers_are_not_rounded(tiny_encoder):
    ids = np.array([[2.0, 300.0, 301.0]], "float32")
    options = tiny_encoder(vocabulary_size=400, num_layers=1).to_dict()
    exact = ElectraBackbone(**options)
    np.testing.assert_array_equal(array(exact(ids)), array(exact(ids.astype("int32"))))
    with pytest.raises(InputError, match="token_ids: .* received bfloat16.*as integers"):
        ElectraBackbone(**options, dtype="mixed_bfloat16")(ids)


# What else is float32


@pytest.mark.parametrize("choice", ALL, ids=str)
def test_losses_weights_and_totals_are_float32(make_model, choice):
    model, batch = make_model("mixed_bfloat16", **choice), tensors(batch_of(4))
    outputs = model(batch)
    for name, value in outputs.items():
        if name not in ("sampled_ids", "corrupted_ids", "is_replaced"):
            assert keras.backend.standardize_dtype(value.dtype) == "float32", name
    for value in [*model.loss_totals(batch).values(), model.compute_loss(x=batch, y_pred=outputs)]:
        assert keras.backend.standardize_dtype(value.dtype) == "float32"


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
def test_labels_and_weights_of_fine_tuning_are_float32(tiny_encoder, dtype):
    """0.7001 and 0.7009 are one number in bfloat16, as 1/3 and 0.334 are."""

    class Seen(TextRegressor):
        def outputs(self, hidden, batch, training=None):
            seen.append({name: batch[name] for name in ("labels", "example_weights")})
            return super().outputs(hidden, batch, training)

    seen, backbone = [], ElectraBackbone(**tiny_encoder(num_layers=1).to_dict(), dtype=dtype)
    batch = {
        "token_ids": np.full((2, T), 7, "int32"),
        "labels": np.array([0.7001, 0.7009], "float32"),
        "example_weights": np.array([1 / 3, 0.334], "float32"),
    }
    model = Seen(backbone)
    outputs = model(tensors(batch))
    for name in ("labels", "example_weights"):
        np.testing.assert_array_equal(array(seen[0][name]), batch[name])
    loss = model.compute_loss(x=tensors(batch), y_pred=outputs)
    weights = batch["example_weights"].astype("float64")
    errors = (array(outputs) - batch["labels"].astype("float64")) ** 2
    expected = (errors * weights).sum() / max(weights.sum(), 1)
    np.testing.assert_allclose(float(array(loss)), expected, rtol=1e-6)


def test_a_task_model_trains_in_mixed_precision(tiny_encoder):
    options = tiny_encoder(num_layers=1, dropout_rate=0.0, attention_dropout_rate=0.0).to_dict()
    losses = []
    batch = {
        "token_ids": np.full((4, T), 7, "int32"),
        "labels": np.array([0, 1, 0, 1], "int32"),
        "example_weights": np.array([1, 1, 1, 0], "float32"),
    }
    for dtype in ("float32", "mixed_bfloat16"):
        labels, parts = ("no", "yes"), {"head_dropout_rate": 0.0, "accumulation_steps": 2}
        model = TextClassifier(
            ElectraBackbone(**options, dtype=dtype, name="backbone"), labels, **parts
        )
        model.compile(optimizer=ElectraAdamW({"learning_rate": 1e-3}, 10))
        losses.append(float(model.train_on_batch(batch, return_dict=True)["loss"]))
    np.testing.assert_allclose(*losses, rtol=0.02)


def test_parts_of_a_step_are_profiled_in_mixed_precision(make_model):
    model = make_model("mixed_bfloat16", kind=ElectraPretrainer)
    found = part_seconds(model, batch_of(4), 1.0)
    assert found["vocabulary head and sampling"] > 0


def test_logits_of_16_bits_are_read_in_float32(make_model):
    """Losses are those of the logits, to the last digit."""
    model, batch = make_model("mixed_bfloat16"), batch_of(2)
    outputs = model(tensors(batch))
    logits = array(model.generator(tensors({**batch, "token_ids": batch["masked_ids"]})))
    answers = np.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
    losses, _, _ = read_logits(ops.convert_to_tensor(logits), ops.convert_to_tensor(answers))
    np.testing.assert_allclose(array(outputs["mlm_losses"]), array(losses), rtol=1e-6)
