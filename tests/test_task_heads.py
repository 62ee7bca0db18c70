"""The heads of fine-tuning: their formulas, their starting weights, their search for answers."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_electra import backends
from keras_electra.errors import InputError
from keras_electra.task_heads import AnswerHead, ChoiceHead, TaggingHead, TextHead, best_places

B, T, H = 3, 7, 12
RNG = np.random.default_rng(3)
HIDDEN = RNG.standard_normal((B, T, H)).astype("float32")
MASK = np.ones((B, T), bool)
MASK[1, 1:3] = MASK[2, 4:] = False


def built(head):
    head.build((None, None, H))
    for weight in head.weights:
        weight.assign(0.3 * RNG.standard_normal(weight.shape))
    return head, {weight.name: ops.convert_to_numpy(weight) for weight in head.weights}


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


def dense(x, weights, name):
    return x @ weights[f"{name}_kernel"] + weights[f"{name}_bias"]


def gelu(x):
    return numbers(ops.gelu(x, approximate=False))


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def close(tensor, expected):
    np.testing.assert_allclose(numbers(tensor), expected, atol=2e-5)


def test_text_head():
    head, weights = built(TextHead(5))
    close(head(HIDDEN), dense(HIDDEN[:, 0], weights, "logit"))


def test_tagging_head():
    head, weights = built(TaggingHead(4))
    positions = np.array([[1, 3], [2, 0], [6, 6]], "int32")
    words = np.take_along_axis(HIDDEN, positions[..., None], axis=1)
    close(head(HIDDEN, positions), dense(words, weights, "logit"))


# The form of transformers, against that library's own modules


@pytest.fixture(scope="module")
def electra():
    """The module of transformers, and a configuration without dropout."""
    pytest.importorskip("torch")
    electra = pytest.importorskip("transformers.models.electra.modeling_electra")
    config = pytest.importorskip("transformers").ElectraConfig(
        hidden_size=H,
        embedding_size=H,
        num_attention_heads=2,
        num_hidden_layers=1,
        intermediate_size=8,
        vocab_size=10,
        max_position_embeddings=8,
        num_labels=4,
        hidden_dropout_prob=0.0,
        summary_last_dropout=0.0,
    )
    return electra, config


def give(linear, weights, name):
    """Put our dense layer `name` into a `torch.nn.Linear`."""
    import torch

    linear.weight.data = torch.tensor(weights[f"{name}_kernel"].T.copy())
    linear.bias.data = torch.tensor(weights[f"{name}_bias"])


def said(module):
    import torch

    with torch.no_grad():
        return module(torch.tensor(HIDDEN)).numpy()


def test_text_head_of_transformers(electra):
    module, config = electra
    head, weights = built(TextHead(4, form="huggingface"))
    theirs = module.ElectraClassificationHead(config)
    give(theirs.dense, weights, "inner")
    give(theirs.out_proj, weights, "logit")
    close(head(HIDDEN), said(theirs))


def test_choice_head_of_transformers(electra):
    module, config = electra
    head, weights = built(ChoiceHead(form="huggingface"))
    theirs = module.ElectraForMultipleChoice(config).eval()
    give(theirs.sequence_summary.summary, weights, "inner")
    give(theirs.classifier, weights, "logit")
    close(head(HIDDEN), said(lambda x: theirs.classifier(theirs.sequence_summary(x))))


def test_tagging_and_answer_heads_of_transformers(electra):
    module, config = electra
    head, weights = built(TaggingHead(4, form="huggingface"))
    theirs = module.ElectraForTokenClassification(config).eval()
    give(theirs.classifier, weights, "logit")
    positions = np.tile(np.arange(T, dtype="int32"), (B, 1))
    close(head(HIDDEN, positions), said(lambda x: theirs.classifier(theirs.dropout(x))))

    head, weights = built(AnswerHead(form="huggingface"))
    config.num_labels = 2
    theirs = module.ElectraForQuestionAnswering(config).eval()
    give(theirs.qa_outputs, weights, "span")
    outputs = head(HIDDEN, MASK)
    assert sorted(outputs) == ["end_logits", "start_logits"]
    logits = said(theirs.qa_outputs)
    close(outputs["start_logits"], logits[..., 0])
    close(outputs["end_logits"], logits[..., 1])


# Dropout


@pytest.mark.parametrize(
    ("head", "arguments"),
    [
        (TextHead(4, dropout_rate=0.5), ()),
        (TextHead(4, form="huggingface", dropout_rate=0.5), ()),
        (ChoiceHead(dropout_rate=0.5), ()),
        (TaggingHead(4, form="huggingface", dropout_rate=0.5), (np.ones((B, 2), "int32"),)),
    ],
)
def test_dropout_is_of_training_only(head, arguments):
    head, _ = built(head)
    key = backends.noise_key(keras.random.SeedGenerator(3))
    plain = numbers(head(HIDDEN, *arguments, key, training=False))
    close(head(HIDDEN, *arguments, key), plain)
    dropped = numbers(head(HIDDEN, *arguments, key, training=True))
    assert np.abs(dropped - plain).max() > 0.01


def test_the_original_tagging_and_answer_heads_have_no_dropout():
    head, _ = built(TaggingHead(4, dropout_rate=0.5))
    positions = np.ones((B, 2), "int32")
    close(head(HIDDEN, positions, training=True), numbers(head(HIDDEN, positions)))


# Answers


@pytest.mark.parametrize("answerability", ["start", "class", "none"])
def test_ends_that_do_not_depend_on_the_start(answerability):
    head, weights = built(AnswerHead(has_joint_ends=False, answerability=answerability))
    outputs = head(HIDDEN, MASK)
    start = dense(HIDDEN, weights, "start")[..., 0] - 1000 * ~MASK
    close(outputs["start_logits"], start)
    close(outputs["end_logits"], dense(HIDDEN, weights, "end")[..., 0] - 1000 * ~MASK)
    if answerability == "none":
        assert "answerability_logits" not in outputs
        return
    x = HIDDEN[:, 0]
    if answerability == "start":
        chances = np.exp(log_softmax(start.astype("float64")))
        likely = (chances[..., None] * HIDDEN).sum(1).astype("float32")
        x = gelu(dense(np.concatenate([x, likely], -1), weights, "answerable_hidden"))
    close(outputs["answerability_logits"], dense(x, weights, "answerable")[:, 0])


def test_joint_ends_follow_the_start_that_is_given():
    head, weights = built(AnswerHead())
    starts = np.array([2, 0, 3], "int32")
    outputs = head(HIDDEN, MASK, starts, has_beam=False)
    assert sorted(outputs) == ["answerability_logits", "end_logits", "start_logits"]
    start_states = np.tile(HIDDEN[np.arange(B), starts][:, None], (1, T, 1))
    x = gelu(dense(np.concatenate([start_states, HIDDEN], -1), weights, "end_hidden"))
    close(outputs["end_logits"], dense(x, weights, "end")[..., 0] - 1000 * ~MASK)


def test_the_beam_holds_the_best_starts_and_the_best_ends_of_each():
    head, _ = built(AnswerHead(beam_size=3))
    outputs = {name: numbers(value) for name, value in head(HIDDEN, MASK).items()}
    assert outputs["end_top_positions"].shape == outputs["end_top_log_probs"].shape == (B, 3, 3)
    starts = numbers(head(HIDDEN, MASK, np.zeros(B, "int32"))["start_logits"])
    for row in range(B):
        best = np.argsort(-starts[row])[:3]
        assert outputs["start_top_positions"][row].tolist() == best.tolist()
        close(outputs["start_top_log_probs"][row], log_softmax(starts[row])[best])
    for beam in range(3):
        positions = outputs["start_top_positions"][:, beam]
        ends = log_softmax(numbers(head(HIDDEN, MASK, positions)["end_logits"]))
        for row in range(B):
            best = np.argsort(-ends[row])[:3]
            assert outputs["end_top_positions"][row, beam].tolist() == best.tolist()
            close(outputs["end_top_log_probs"][row, beam], ends[row][best])


def test_a_beam_wider_than_the_text_ends_in_place_0():
    values, places = best_places(np.log([[0.2, 0.5, 0.3]]).astype("float32"), 5)
    close(values, [[np.log(0.5), np.log(0.3), np.log(0.2), -1e9, -1e9]])
    assert numbers(places).tolist() == [[1, 2, 0, 0, 0]]


# Starting weights


def test_kernels_start_as_the_form_starts_them():
    head = TextHead(64, seed=1, name="a")
    head.build((None, None, 400))
    kernel = numbers(head.weights[0])
    limit = np.sqrt(6 / 464)
    assert limit * 0.99 < np.abs(kernel).max() <= limit
    head = TextHead(64, form="huggingface", scale=0.05, seed=1, name="a")
    head.build((None, None, 400))
    kernels = [numbers(weight) for weight in head.weights if weight.name.endswith("kernel")]
    for kernel in kernels:
        assert abs(kernel.std() - 0.05) < 0.001
        assert np.abs(kernel).max() > 3 * 0.05
    biases = [numbers(weight) for weight in head.weights if weight.name.endswith("bias")]
    assert len(biases) == 2 and not any(bias.any() for bias in biases)


def test_starting_weights_differ_with_seed_and_name():
    def kernel(**options):
        head = TextHead(3, **options)
        head.build((None, None, H))
        return numbers(head.weights[0])

    first = kernel(seed=1, name="a")
    np.testing.assert_array_equal(first, kernel(seed=1, name="a"))
    assert (first != kernel(seed=2, name="a")).all()
    assert (first != kernel(seed=1, name="b")).all()


def test_an_unknown_form_is_refused():
    with pytest.raises(InputError, match="head: expected one of"):
        TextHead(2, form="google")
