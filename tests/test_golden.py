"""Numbers computed with the original TensorFlow 1 program, to 1e-5 on every backend.

Every weight is drawn from a generator seeded by the CRC of its name in the original, so that the
numbers can be had again without any file.
"""

import zlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra.config.finetune import AnswerConfig
from keras_electra.config.optimizer import OptimizerConfig
from keras_electra.convert import from_google
from keras_electra.errors import InputError
from keras_electra.optimizers import ElectraAdamW

VOCABULARY, EMBEDDING, HIDDEN, INNER, LAYERS, POSITIONS = 60, 16, 32, 64, 2, 40
IDS = np.array(
    [
        [2, 9, 30, 59, 8, 24, 3, 44, 33, 19, 28, 3],
        [2, 51, 47, 31, 13, 44, 43, 9, 3, 0, 0, 0],
        [2, 11, 24, 49, 3, 29, 58, 3, 0, 0, 0, 0],
    ],
    "int32",
)
SEGMENTS = np.zeros((3, 12), "int32")
SEGMENTS[0, 7:] = 1
SEGMENTS[2, 5:8] = 1
INPUTS = {"token_ids": IDS, "segment_ids": SEGMENTS, "padding_mask": IDS != 0}


def encoder_shapes(scope, hidden, inner):
    shapes = {}
    for layer in range(LAYERS):
        prefix = f"{scope}/encoder/layer_{layer}"
        for name in ("query", "key", "value"):
            shapes[f"{prefix}/attention/self/{name}"] = (hidden, hidden)
        shapes[f"{prefix}/attention/output/dense"] = (hidden, hidden)
        shapes[f"{prefix}/attention/output/LayerNorm"] = (hidden,)
        shapes[f"{prefix}/intermediate/dense"] = (hidden, inner)
        shapes[f"{prefix}/output/dense"] = (inner, hidden)
        shapes[f"{prefix}/output/LayerNorm"] = (hidden,)
    return shapes


def variables(generator_hidden=None, has_towers=False):
    """The original's variables; with a generator of its own unless its width is None.

    Two towers, as Electric has them, stand in the place of a generator that reads masked text.
    """
    parts = {
        "electra/embeddings/LayerNorm": (EMBEDDING,),
        "electra/embeddings_project": (EMBEDDING, HIDDEN),
        **encoder_shapes("electra", HIDDEN, INNER),
        "discriminator_predictions/dense": (HIDDEN, HIDDEN),
        "discriminator_predictions/dense_1": (HIDDEN, 1),
    }
    head = "cloze_predictions" if has_towers else "generator_predictions"
    head_input = (generator_hidden or HIDDEN) * (2 if has_towers else 1)
    parts |= {f"{head}/dense": (head_input, EMBEDDING), f"{head}/LayerNorm": (EMBEDDING,)}
    if generator_hidden:
        for scope in ("generator_ltr", "generator_rtl") if has_towers else ("generator",):
            parts |= encoder_shapes(scope, generator_hidden, 4 * generator_hidden)
    shapes = {
        "electra/embeddings/word_embeddings": (VOCABULARY, EMBEDDING),
        "electra/embeddings/token_type_embeddings": (2, EMBEDDING),
        "electra/embeddings/position_embeddings": (POSITIONS, EMBEDDING),
        f"{head}/output_bias": (VOCABULARY,),
    }
    for name, shape in parts.items():
        first, second = ("gamma", "beta") if name.endswith("LayerNorm") else ("kernel", "bias")
        shapes[f"{name}/{first}"], shapes[f"{name}/{second}"] = shape, shape[-1:]
    return {name: value_of(name, shape) for name, shape in shapes.items()}


def task_variables(name, layers):
    """The original's variables of a fine-tuned head, from the shapes of its kernels."""
    shapes = {}
    for layer, shape in layers.items():
        shapes[f"task_specific/{name}/{layer}/kernel"] = shape
        shapes[f"task_specific/{name}/{layer}/bias"] = shape[-1:]
    return {name: value_of(name, shape) for name, shape in shapes.items()}


def value_of(name, shape):
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape) * 0.1
    return (values + name.endswith("gamma")).astype("float32")


@pytest.fixture(scope="module")
def lone():
    """Backbone, and both heads above it."""
    return from_google(variables(), num_heads=4, dropout_rate=0.0)


ANSWER_LAYERS = {
    "dense": (HIDDEN, 1),
    "qa_hidden": (2 * HIDDEN, 512),
    "dense_1": (512, 1),
    "dense_2": (2 * HIDDEN, 512),
    "dense_3": (512, 1),
}


@pytest.fixture(scope="module")
def task_models():
    """Models for CoLA, STS, chunking and SQuAD on one backbone."""
    source = variables()
    source |= task_variables("cola", {"dense": (HIDDEN, 2)})
    source |= task_variables("sts", {"dense": (HIDDEN, 1)})
    source |= task_variables("chunk", {"dense": (HIDDEN, 3)})
    source |= task_variables("squad", ANSWER_LAYERS)
    tasks = {
        "cola": ("classification", ["0", "1"]),
        "sts": ("regression", (0, 5)),
        "chunk": ("tagging", ["B-NP", "E-NP", "O"]),
        "squad": ("question_answering", None),
    }
    return from_google(source, num_heads=4, dropout_rate=0.0, tasks=tasks)


@pytest.fixture(scope="module")
def joint():
    """The pretrainer with a generator of half the width."""
    source = variables(generator_hidden=16)
    return from_google(source, num_heads=4, generator_num_heads=1, dropout_rate=0.0)


@pytest.fixture(scope="module")
def electric():
    """Electric, with towers of half the width."""
    source = variables(generator_hidden=16, has_towers=True)
    return from_google(source, num_heads=4, generator_num_heads=1, dropout_rate=0.0)


@pytest.fixture(scope="module")
def joint_batch():
    """The golden batch: four places masked, samples given; one sample equals the original."""
    masked_ids, slots = IDS.copy(), np.full(IDS.shape, 2, "int32")
    for slot, row, place in ((0, 0, 2), (1, 0, 8), (0, 1, 3), (0, 2, 6)):
        masked_ids[row, place], slots[row, place] = 4, slot
    arrays = {
        **INPUTS,
        "masked_ids": masked_ids,
        "maskable": ~np.isin(IDS, [0, 2, 3, 4]),
        "slot_of_token": slots,
        "mask_positions": np.array([[2, 8], [3, 0], [6, 0]], "int32"),
        "mask_weights": np.array([[1, 1], [1, 0], [1, 0]], "float32"),
        "sampled_ids": np.array([[40, 33], [17, 0], [58, 0]], "int32"),
        "uniform_draws": np.zeros((3, 2), "float32"),
    }
    return {name: ops.convert_to_tensor(value) for name, value in arrays.items()}


def check(tensor, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), expected, atol=1e-5, rtol=0)


def test_encoder_input_after_projection(lone):
    embeddings = lone["backbone"].embeddings(IDS, SEGMENTS)
    states = lone["backbone"].projection(embeddings)
    check(states[0, 0, :4], [0.1654038, -0.0572167, 0.6366078, 0.2032732])


def test_encoder(lone):
    states = lone["backbone"](INPUTS)
    check(states[0, 0, :6], [-0.3540379, -0.2300569, 1.067912, 0.3939176, -1.1215309, -0.6618725])
    check(states[2, 3, :6], [-1.5844594, -0.1788366, 0.2800191, -0.4298363, -0.7926749, -0.9510877])


def test_discriminator_head(lone):
    expected = [
        *(-0.1189573, -0.1000724, -0.0954383, -0.154973, -0.1078262, -0.2671083),
        *(-0.0904235, -0.1016178, -0.0032161, 0.127743, 0.2021532, -0.0058303),
    ]
    check(lone["discriminator"](INPUTS)[0], expected)


def test_masked_lm_head_above_the_full_encoder(lone):
    positions = np.array([[0], [3], [0]], "int32")
    logits = lone["generator"]({**INPUTS, "mask_positions": positions})
    check(logits[1, 0, :6], [0.1346986, -0.6524931, -0.2397114, -0.1841939, 0.2440947, -0.0692397])


def test_every_place_is_scored_without_positions(lone):
    logits = lone["generator"](INPUTS)
    assert tuple(logits.shape) == (3, 12, VOCABULARY)
    check(logits[1, 3, :2], [0.1346986, -0.6524931])


def test_generator(joint, joint_batch):
    masked = {**joint_batch, "token_ids": joint_batch["masked_ids"]}
    logits = joint["generator"](masked)
    check(logits[0, 0, :5], [0.434995, 0.722095, 0.586338, -0.349734, 0.083772])


def test_losses(joint, joint_batch):
    pretrainer = joint["pretrainer"]
    outputs = pretrainer(joint_batch)
    check(outputs["mlm_losses"][:, 0], [4.091421, 4.479606, 4.240193])
    check(outputs["mlm_losses"][0, 1], 3.764688)
    changed = np.argwhere(ops.convert_to_numpy(outputs["is_replaced"])).tolist()
    assert changed == [[0, 2], [1, 3]]

    pretrainer.statistics.reset_state()
    total = pretrainer.compute_loss(x=joint_batch, y_pred=outputs)
    np.testing.assert_allclose(float(total), 37.766016, atol=3e-5)
    figures = pretrainer.statistics.result()
    check(figures["mlm_loss"], 4.143976)
    check(figures["rtd_loss"], 0.672441)
    losses = ops.convert_to_numpy(outputs["rtd_losses"])
    weights = ops.convert_to_numpy(outputs["rtd_weights"])
    per_example = (losses * weights).sum(1) / weights.sum(1)
    np.testing.assert_allclose(per_example, [0.675801, 0.646308, 0.696799], atol=1e-5)


def test_electric(electric, joint_batch):
    """Its towers have positions that see nothing: the state after the last token is one of padding."""
    logits = electric["generator"](INPUTS)
    check(logits[0, 3, :5], [0.181576, -0.711274, 0.420024, 1.083966, 0.000387])
    check(logits[0, 0, :5], [-0.150118, -0.110805, 0.323644, 0.364670, 0.390560])
    pretrainer = electric["pretrainer"]
    outputs = pretrainer(joint_batch)
    cloze, weights = (
        ops.convert_to_numpy(outputs[name]) for name in ("generator_losses", "generator_weights")
    )
    check(np.average(cloze, weights=weights), 4.180235)
    drawn = np.argwhere(ops.convert_to_numpy(outputs["is_replaced"])).tolist()
    assert drawn == [[0, 2], [0, 8], [1, 3], [2, 6]]
    losses, weights = (
        ops.convert_to_numpy(outputs[name]) for name in ("rtd_losses", "rtd_weights")
    )
    check(np.average(losses, weights=weights), 0.807997)
    check(np.average(losses, weights=weights, axis=1), [0.993947, 0.636760, 0.721714])


def summed_loss(model, batch, outputs):
    """The original adds the examples' losses up; here their mean is the loss."""
    return 3 * float(model.compute_loss(x=batch, y_pred=outputs))


def test_classification_head(task_models):
    model = task_models["tasks"]["cola"]
    batch = {**INPUTS, "labels": np.array([0, 1, 1], "int32")}
    logits = model(batch)
    check(logits[0], [-0.181772, 0.761737])
    check(model.judged(batch, logits)[0], [1.272280, 0.325512, 0.316353])
    np.testing.assert_allclose(summed_loss(model, batch, logits), 1.914145, atol=1e-5)


def test_answer_head(task_models):
    model = task_models["tasks"]["squad"]
    batch = {
        **INPUTS,
        "answer_mask": (SEGMENTS == 1) | (np.arange(12) == 0),
        "start_positions": np.array([8, 0, 6], "int32"),
        "end_positions": np.array([10, 0, 6], "int32"),
        "is_impossible": np.array([0, 1, 0], "float32"),
    }
    outputs = model(batch, training=True)
    check(outputs["losses"], [2.904709, 0.200211, 1.669140])
    np.testing.assert_allclose(summed_loss(model, batch, outputs), 4.774060, atol=1e-5)
    check(outputs["answerability_logits"], [0.776720, 0.708352, 0.957806])
    expected = {
        "start_logits": [0.023297, -0.703153, -0.553581, -0.282812, -0.691220, 0.530567],
        "end_logits": [-0.847563, -1.277420, -1.458612, 0.199843, -1.459180, -0.949553],
    }
    for name, values in expected.items():
        check(ops.convert_to_numpy(outputs[name])[0, [0, 7, 8, 9, 10, 11]], values)
    # What evaluation reports is the same loss, found beside the beams.
    check(model(batch, training=False)["losses"], [2.904709, 0.200211, 1.669140])


def test_the_heads_of_other_tasks_are_filled(task_models):
    hidden = ops.convert_to_numpy(task_models["backbone"](INPUTS))
    source = task_variables("sts", {"dense": (HIDDEN, 1)})
    source |= task_variables("chunk", {"dense": (HIDDEN, 3)})

    def dense(name, x):
        scope = f"task_specific/{name}/dense"
        return x @ source[f"{scope}/kernel"] + source[f"{scope}/bias"]

    check(task_models["tasks"]["sts"](INPUTS), dense("sts", hidden[:, 0])[:, 0])
    positions = np.array([[1, 3], [2, 0], [4, 5]], "int32")
    words = np.take_along_axis(hidden, positions[..., None], axis=1)
    logits = task_models["tasks"]["chunk"]({**INPUTS, "word_positions": positions})
    check(logits, dense("chunk", words))


@pytest.mark.parametrize(
    ("switches", "layers"),
    [
        ({"has_joint_ends": True, "answerability": "start"}, ANSWER_LAYERS),
        (
            {"has_joint_ends": False, "answerability": "start"},
            {
                "dense": (HIDDEN, 1),
                "dense_1": (HIDDEN, 1),
                "dense_2": (2 * HIDDEN, 512),
                "dense_3": (512, 1),
            },
        ),
        (
            {"has_joint_ends": True, "answerability": "class"},
            {
                "dense": (HIDDEN, 1),
                "qa_hidden": (2 * HIDDEN, 512),
                "dense_1": (512, 1),
                "dense_2": (HIDDEN, 1),
            },
        ),
        (
            {"has_joint_ends": False, "answerability": "none"},
            {"dense": (HIDDEN, 1), "dense_1": (HIDDEN, 1)},
        ),
    ],
    ids=str,
)
def test_the_names_of_an_answer_head_shift_with_its_switches(switches, layers):
    source = variables() | task_variables("squad", layers)
    for answers in (None, AnswerConfig(**switches)):
        tasks = {"squad": ("question_answering", answers)}
        model = from_google(source, num_heads=4, tasks=tasks)["tasks"]["squad"]
        for name, value in switches.items():
            assert getattr(model.answers, name) == value
        assert len(model.head.weights) == 2 * len(layers)
    wrong = AnswerConfig(**{**switches, "has_joint_ends": not switches["has_joint_ends"]})
    with pytest.raises(InputError, match="task_specific/squad"):
        from_google(source, num_heads=4, tasks={"squad": ("question_answering", wrong)})


def test_an_unknown_kind_of_task_is_refused():
    with pytest.raises(InputError, match="expected a kind of"):
        from_google(variables(), num_heads=4, tasks={"a": ("multiple_choice", None)})


def test_a_missing_variable_is_named():
    source = variables()
    del source["electra/encoder/layer_1/output/dense/bias"]
    with pytest.raises(InputError, match="layer_1/output/dense/bias"):
        from_google(source, num_heads=4)


def test_optimizer():
    """Loss 0.1 * sum(w ** 2) over six variables [1, 2]: three decay, three do not; one update."""
    config = OptimizerConfig(learning_rate=0.01, warmup_steps=4, warmup_form="original")
    optimizer = ElectraAdamW(config, total_steps=10)
    names = ("kernel", "bias", "token_embeddings", "norm_gamma", "qkv_kernel", "norm_beta")
    weights = [keras.Variable(np.array([1, 2], "float32"), name=name) for name in names]
    optimizer.build(weights)
    optimizer.apply([0.2 * ops.convert_to_tensor(weight) for weight in weights], weights)
    for weight in weights[::2]:
        check(weight, [0.9928636, 1.9928405])
    for weight in weights[1::2]:
        check(weight, [0.9928861, 1.9928855])
