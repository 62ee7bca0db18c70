"""What is computed in which type under mixed precision: the table of docs/precision.md, looked at."""

import pathlib
import re

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import backends, encoder_layer, layers, sampling
from keras_electra.config.options import Precision
from keras_electra.optimizers import ElectraAdamW
from keras_electra.pretrainer import ElectraPretrainer

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "precision.md"
POLICIES = Precision.__args__
KERNELS = {"attention softmax", "GELU"}
"""Rows whose type is inside of a backend's kernel: their numbers are looked at."""


def table(policy) -> dict[str, str]:
    """Row -> type, as the page has it."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines()]
    head = next(cells for cells in lines if cells[0] == "what")
    column = head.index(policy)
    rows = lines[lines.index(head) + 2 :]
    rows = rows[: next(i for i, cells in enumerate(rows) if len(cells) < len(head))]
    return {cells[0]: cells[column] for cells in rows}


def make_model(tiny_encoder, policy, **options):
    rates = {"dropout_rate": 0.1, "attention_dropout_rate": 0.1, "norm_position": "pre"}
    encoder = tiny_encoder(
        num_layers=1, position_encoding="rotary", **{**rates, **options.pop("encoder", {})}
    )
    return ElectraPretrainer(encoder, {"generator_width_fraction": 0.5}, dtype=policy, **options)


class Seen(dict):
    """Row -> type; a row that is seen with two types fails."""

    def note(self, row, *values):
        for value in values:
            dtype = keras.backend.standardize_dtype(value.dtype)
            assert self.setdefault(row, dtype) == dtype, f"{row}: {self[row]} and {dtype}"


@pytest.fixture
def seen(monkeypatch):
    found = Seen()

    def watched(owner, name, before=None, after=None):
        function = getattr(owner, name)

        def call(*arguments, **options):
            if before:
                before(*arguments)
            result = function(*arguments, **options)
            if after:
                after(result)
            return result

        monkeypatch.setattr(owner, name, call)

    def note(row, count=1):
        return lambda *arguments: found.note(row, *arguments[:count])

    watched(
        backends,
        "dense",
        before=lambda x, kernel, bias: found.note(
            "products and their kernels", x, ops.convert_to_tensor(kernel)
        ),
    )
    watched(backends, "attention", before=note("query, key, value", 3))
    watched(backends, "dropout", before=note("dropout"))
    watched(encoder_layer.EncoderLayer, "call", before=lambda self, x, *_: note("hidden states")(x))
    watched(layers.ops, "layer_normalization", before=note("LayerNorm"))
    watched(
        layers.Embeddings,
        "normalized",
        before=lambda layer, x, norm: found.note("embedding lookups and their sum", x),
    )
    watched(encoder_layer.ops, "cos", before=note("rotary positions"))
    watched(ElectraPretrainer, "generated", after=lambda r: found.note("losses", r.mlm_losses))
    watched(ElectraPretrainer, "judged", after=lambda r: found.note("losses", r["rtd_losses"]))
    watched(sampling, "read_logits", before=note("logits, as read"))
    watched(
        sampling,
        "sample_tokens",
        before=lambda masses, draws, *_: found.note("uniform draws", draws),
    )
    watched(layers.ops, "cumsum", after=note("running sums of the sampling"))
    return found


@pytest.mark.parametrize("policy", POLICIES)
def test_a_training_step_computes_in_the_types_of_the_table(tiny_encoder, make_batch, seen, policy):
    model = make_model(tiny_encoder, policy)
    heads = {model.generator.head, model.discriminator.head}

    class Watching(ElectraAdamW):
        def apply(self, grads, variables=None):
            seen.note("gradients", *grads)
            super().apply(grads, variables)

    for head in heads:
        call = head.call

        def watched(*arguments, call=call, **options):
            logits = call(*arguments, **options)
            seen.note("logits, as multiplied", logits)
            return logits

        head.call = watched
    update = model.statistics.update_state

    def watched_update(outputs):
        for name in ("mlm_weights", "rtd_weights", "generator_weights"):
            seen.note("weights of positions", outputs[name])
        seen.note("logits, as read", outputs["rtd_logits"])
        return update(outputs)

    model.statistics.update_state = watched_update
    has_scale = policy == "mixed_float16"
    optimizer = Watching({"ema_rate": 0.9}, 10, has_loss_scale=has_scale)
    model.compile(optimizer=optimizer, auto_scale_loss=False)
    loss = model.train_on_batch(make_batch())[0]
    assert np.isfinite(loss)
    seen.note("weights", *model.trainable_variables)
    seen.note("optimizer moments", *optimizer.first_moments, *optimizer.second_moments)
    seen.note("moving average", *optimizer._model_variables_moving_average)
    seen.note("metrics", *model.metrics_variables)
    expected = table(policy)
    assert expected.keys() > KERNELS
    assert seen == {row: dtype for row, dtype in expected.items() if row not in KERNELS}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("rate", [0.0, 0.1])
def test_the_softmax_of_attention_adds_up_in_float32(dtype, rate):
    """Over 2,048 equal keys each weighs 1/2048; a sum in bfloat16 would end at 256."""
    length = 2048
    query = ops.zeros((1, length, 1, 8), dtype)
    value = ops.ones((1, length, 1, 8), dtype)
    noise = backends.noise_key(keras.random.SeedGenerator(3))
    found = backends.attention(query, query, value, None, rate, noise, 1)
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    mean = float(np.mean(ops.convert_to_numpy(ops.cast(found, "float32"))))
    assert mean == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_gelu_is_rounded_once(dtype):
    x = ops.cast(np.linspace(-6, 6, 97).astype("float32"), dtype)
    expected = ops.cast(backends.gelu(ops.cast(x, "float32")), dtype)
    found, expected = (
        ops.convert_to_numpy(ops.cast(value, "float32")) for value in (backends.gelu(x), expected)
    )
    np.testing.assert_allclose(found, expected, rtol=2**-7, atol=1e-6)


def gradients_of(model, batch, scale):
    """Those that the optimizer is given in one step, by the path of their variables."""
    kept = {}

    class Keeping(ElectraAdamW):
        def build(self, variables):
            super().build(variables)
            self.kept = [self.add_variable_from_reference(v, "kept") for v in variables]

        def apply(self, grads, variables=None):
            for variable, gradient in zip(self.kept, grads, strict=True):
                variable.assign(gradient / scale)
            super().apply(grads, variables)

        def scale_loss(self, loss):
            return loss * scale

    model.compile(optimizer=Keeping({"clip_norm": None}, 10), auto_scale_loss=False)
    model.train_on_batch(batch)
    for variable, gradient in zip(model.trainable_variables, model.optimizer.kept, strict=True):
        kept[variable.path] = ops.convert_to_numpy(gradient)
    return kept


@pytest.mark.parametrize(
    ("policy", "scale", "limit"), [("mixed_bfloat16", 1.0, 0.06), ("mixed_float16", 2.0**8, 0.02)]
)
def test_gradients_of_many_tokens_are_near_those_of_float32(
    tiny_encoder, make_batch, policy, scale, limit
):
    """Of 2,048 tokens; a sum in bfloat16 was off by 70 % in the segment table, in logit_bias by 50 %."""
    quiet = {"encoder": {"dropout_rate": 0.0, "attention_dropout_rate": 0.0}}
    batch = make_batch(num_examples=170, is_padded=False)
    rng = np.random.default_rng(0)
    batch["sampled_ids"] = rng.integers(5, 60, batch["mask_positions"].shape).astype("int32")
    exact = gradients_of(make_model(tiny_encoder, "float32", **quiet), batch, 1.0)
    found = gradients_of(make_model(tiny_encoder, policy, **quiet), batch, scale)
    largest = max(np.linalg.norm(value) for value in exact.values())
    for path, value in exact.items():
        # Gradients that are next to nothing are differences of large numbers.
        allowed = limit * max(np.linalg.norm(value), 1e-4 * largest)
        assert np.linalg.norm(found[path] - value) < allowed, path


def test_the_page_names_every_policy():
    assert set(re.findall(r"^\| `(\w+)`", PAGE.read_text("utf-8"), re.MULTILINE)) == set(POLICIES)
