"""Folders that `transformers` wrote: same numbers out, nothing run, every fault told in a sentence."""

import contextlib
import json
import pickle
import shutil
import zipfile

import keras
import numpy as np
import pytest
import safetensors.numpy
from keras import ops

from keras_electra.convert import from_huggingface, to_huggingface
from keras_electra.convert.torch_file import array_of, read_torch_file
from keras_electra.errors import DamagedDataError, ElectraError, InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

V, E, H, LAYERS = 60, 8, 16, 2
SIZES = {
    "vocab_size": V,
    "hidden_size": H,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 20,
}
IDS = np.array([[2, 9, 30, 59, 8, 3], [2, 51, 47, 3, 0, 0]])
SEGMENTS = np.array([[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 0, 0]])
INPUTS = {"token_ids": IDS, "segment_ids": SEGMENTS, "padding_mask": IDS != 0}


def theirs(name, **options):
    """A random model of a class of `transformers`, its weights large enough to matter."""
    torch.manual_seed(0)
    kind = transformers.ElectraConfig if name.startswith("Electra") else transformers.BertConfig
    sizes = {**SIZES, "embedding_size": E} if name.startswith("Electra") else SIZES
    model = getattr(transformers, name)(kind(**{**sizes, "initializer_range": 0.2, **options}))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape))
    return model.eval()


def outputs(model):
    """What a model of `transformers` answers to `INPUTS`; its first output."""
    with torch.no_grad():
        found = model(
            input_ids=torch.tensor(IDS),
            token_type_ids=torch.tensor(SEGMENTS),
            attention_mask=torch.tensor(IDS != 0).long(),
        )
    return found[0].numpy()


def assert_equal(ours, expected):
    """To 1e-5 at every real token; what stands at padding means nothing."""
    real = IDS != 0
    np.testing.assert_allclose(ops.convert_to_numpy(ours)[real], expected[real], atol=1e-5)


@pytest.fixture(scope="module")
def masked_lm(tmp_path_factory):
    """A model and its folder, the one that most faults are tried on."""
    model, path = theirs("ElectraForMaskedLM"), tmp_path_factory.mktemp("masked_lm")
    model.save_pretrained(path)
    return model, path


@pytest.fixture
def folder(masked_lm, tmp_path):
    """A copy of the folder of `masked_lm` that a test may spoil."""
    return shutil.copytree(masked_lm[1], tmp_path / "model")


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def state_of(model):
    return {name: value.contiguous() for name, value in model.state_dict().items()}


def as_bin(folder, model, **options):
    """Put `pytorch_model.bin` in the place of the safetensors."""
    (folder / "model.safetensors").unlink()
    torch.save(state_of(model), folder / "pytorch_model.bin", **options)
    return folder / "pytorch_model.bin"


# Same numbers


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("ElectraModel", "backbone"),
        ("ElectraForPreTraining", "discriminator"),
        ("ElectraForMaskedLM", "generator"),
        ("BertModel", "backbone"),
    ],
)
def test_outputs_are_equal(name, network, tmp_path):
    model = theirs(name)
    model.save_pretrained(tmp_path)
    found = from_huggingface(tmp_path)
    assert_equal(found[network](INPUTS), outputs(model))
    assert found["tokenizer"] is None


CLASSES = {
    "ElectraModel": "backbone",
    "ElectraForPreTraining": "discriminator",
    "ElectraForMaskedLM": "generator",
    "ElectraForSequenceClassification": "task_model",
    "ElectraForTokenClassification": "task_model",
    "ElectraForQuestionAnswering": "task_model",
    "ElectraForMultipleChoice": "task_model",
}


@pytest.mark.parametrize("name", CLASSES)
def test_their_folders_come_out_as_they_went_in(name, tmp_path):
    model = theirs(name)
    model.save_pretrained(tmp_path / "theirs")
    found = from_huggingface(tmp_path / "theirs")
    assert found["left_out"] == []
    done = to_huggingface(found[CLASSES[name]], tmp_path / "ours")
    assert done.largest_difference < 1e-5
    first, second = (
        safetensors.numpy.load_file(tmp_path / side / "model.safetensors")
        for side in ("theirs", "ours")
    )
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(
    ("options", "kind", "labels"),
    [
        ({"num_labels": 1}, "regression", None),
        ({"id2label": {0: "no", 1: "yes"}}, "classification", ("no", "yes")),
        (
            {"num_labels": 3, "problem_type": "multi_label_classification"},
            "multi_label",
            ("LABEL_0", "LABEL_1", "LABEL_2"),
        ),
    ],
)
def test_labels_and_the_kind_of_a_classifier(options, kind, labels, tmp_path):
    model = theirs("ElectraForSequenceClassification", classifier_dropout=0.3, **options)
    model.save_pretrained(tmp_path)
    found = from_huggingface(tmp_path)["task_model"]
    assert (found.kind, getattr(found, "labels", None)) == (kind, labels)
    assert (found.head.form, found.head.dropout_rate) == ("huggingface", 0.3)
    expected = outputs(model)
    received = ops.convert_to_numpy(found(INPUTS))
    np.testing.assert_allclose(received, expected.reshape(received.shape), atol=1e-5)


def test_berts_masked_language_head_comes_along(tmp_path):
    model = theirs("BertForMaskedLM")
    model.save_pretrained(tmp_path)
    found = from_huggingface(tmp_path)
    assert_equal(found["generator"](INPUTS), outputs(model))
    assert found["left_out"] == []


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("ElectraForMultipleChoice", {"summary_type": "mean"}, "summary_type"),
        ("ElectraForMultipleChoice", {"summary_activation": "tanh"}, "summary_activation"),
        ("ElectraForSequenceClassification", {"problem_type": "regression"}, "one output"),
        ("ElectraForTokenClassification", {"id2label": {"0": "a"}}, "id2label with 2 labels"),
        ("ElectraForTokenClassification", {"id2label": {"0": "a", "1": "a"}}, "different names"),
        ("ElectraForQuestionAnswering", {"keras_electra": {"answers": 5}}, "config.json"),
        (
            "ElectraForTokenClassification",
            {"keras_electra": {"value_range": [0, 1]}},
            "config.json",
        ),
    ],
)
def test_options_of_heads_that_no_model_here_has(name, change, words, tmp_path):
    theirs(name).save_pretrained(tmp_path)
    edit_json(tmp_path / "config.json", **change)
    with pytest.raises(InputError, match=words):
        from_huggingface(tmp_path)


def test_two_folders_that_are_no_pair(tmp_path):
    theirs("ElectraForMaskedLM").save_pretrained(tmp_path / "generator")
    theirs("ElectraModel").save_pretrained(tmp_path / "discriminator")
    with pytest.raises(InputError, match="expected a discriminator"):
        from_huggingface(tmp_path)


def test_an_encoder_as_wide_as_its_embeddings_has_no_projection(tmp_path):
    model = theirs("ElectraModel", embedding_size=H)
    model.save_pretrained(tmp_path)
    backbone = from_huggingface(tmp_path)["backbone"]
    assert backbone.projection is None
    assert_equal(backbone(INPUTS), outputs(model))


def test_options_are_carried_over(tmp_path):
    theirs(
        "ElectraModel", hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.2
    ).save_pretrained(tmp_path)
    encoder = from_huggingface(tmp_path, dtype="mixed_bfloat16")["backbone"].encoder
    assert (encoder.dropout_rate, encoder.attention_dropout_rate) == (0.3, 0.2)
    assert (encoder.vocabulary_size, encoder.embedding_dim, encoder.hidden_dim) == (V, E, H)
    assert (encoder.num_layers, encoder.num_heads, encoder.max_sequence_length) == (LAYERS, 2, 20)


def test_dtype_is_the_policy_of_the_layers(folder):
    generator = from_huggingface(folder, dtype="mixed_bfloat16")["generator"]
    assert generator.dtype_policy.name == "mixed_bfloat16"
    assert generator.head.kernel.dtype == "float32"


@pytest.mark.parametrize("network", ["backbone", "generator"])
def test_the_models_are_ordinary_keras_models(folder, network, tmp_path):
    model = from_huggingface(folder)[network]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(again(INPUTS)), ops.convert_to_numpy(model(INPUTS))
    )


def test_heads_that_the_folder_lacks_are_named(folder, tmp_path):
    assert from_huggingface(folder)["missing"] == ["discriminator_predictions"]
    theirs("ElectraModel").save_pretrained(tmp_path)
    found = from_huggingface(tmp_path)
    assert found["missing"] == ["discriminator_predictions", "generator_predictions"]
    assert found["left_out"] == []


def test_a_bert_is_a_warm_start_and_what_it_has_besides_is_listed(tmp_path):
    model = theirs("BertForSequenceClassification", num_labels=3)
    model.save_pretrained(tmp_path)
    found = from_huggingface(tmp_path)
    assert_equal(found["backbone"](INPUTS), outputs(model.bert))
    assert found["left_out"] == [
        "bert.pooler.dense.bias",
        "bert.pooler.dense.weight",
        "classifier.bias",
        "classifier.weight",
    ]


def test_old_names_of_layer_norms_are_known(tmp_path):
    model = theirs("BertForMaskedLM")
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    state = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in state_of(model).items()
    }
    state["bert.embeddings.position_ids"] = torch.arange(20)[None]
    torch.save(state, tmp_path / "pytorch_model.bin")
    found = from_huggingface(tmp_path)
    assert_equal(found["backbone"](INPUTS), outputs(model.bert))
    assert "bert.embeddings.position_ids" not in found["left_out"]


# Files


@pytest.mark.parametrize("is_zip", [True, False])
def test_pytorch_files_of_both_forms(masked_lm, folder, is_zip):
    as_bin(folder, masked_lm[0], _use_new_zipfile_serialization=is_zip)
    assert_equal(from_huggingface(folder)["generator"](INPUTS), outputs(masked_lm[0]))


@pytest.mark.parametrize("form", ["safetensors", "bin"])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_half_precision_and_parts(tmp_path, form, precision):
    model = theirs("ElectraForPreTraining").to(precision)
    model.save_pretrained(tmp_path, max_shard_size=3000)
    if form == "bin":
        index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
        for part in set(index["weight_map"].values()):
            (tmp_path / part).unlink()
        (tmp_path / "model.safetensors.index.json").unlink()
        names = {name: f"part-{place % 3}.bin" for place, name in enumerate(index["weight_map"])}
        for part in set(names.values()):
            state = state_of(model)
            torch.save({n: state[n] for n in names if names[n] == part}, tmp_path / part)
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": names}))
    found = from_huggingface(tmp_path)["discriminator"]
    assert_equal(found(INPUTS), outputs(model.float()))


def test_views_of_one_storage_are_read_where_they_are(tmp_path):
    table = torch.arange(24.0).reshape(4, 6)
    state = {"turned": table.T, "part": table[1:3, 2:], "row": table[3], "none": table[:0]}
    state["number"] = torch.tensor(7)
    torch.save(state, tmp_path / "views.bin")
    found = read_torch_file(tmp_path / "views.bin")
    assert found.keys() == state.keys()
    for name, value in state.items():
        np.testing.assert_array_equal(found[name], value.numpy())


def test_bfloat16_worked_example():
    assert array_of("BF16", bytes([0x80, 0x3F, 0x20, 0xC0])).tolist() == [1.0, -2.5]


def test_parts_must_be_there(folder):
    index = {"weight_map": {"electra.embeddings.word_embeddings.weight": "part-1.safetensors"}}
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(DamagedDataError, match="part-1.safetensors"):
        from_huggingface(folder)
    index["weight_map"]["x"] = "../model.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match="file in the folder"):
        from_huggingface(folder)


def test_no_weights_no_config_no_folder(folder, tmp_path):
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="found neither"):
        from_huggingface(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(DamagedDataError, match="expected a JSON object"):
        from_huggingface(folder)
    with pytest.raises(InputError, match="config.json"):
        from_huggingface(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocab.txt"])
def test_links_out_of_the_folder_are_refused(folder, tmp_path, name):
    outside = tmp_path / name
    if (folder / name).exists():
        (folder / name).rename(outside)
    else:
        outside.write_text("[PAD]\n")
    (folder / name).symlink_to(outside)
    with pytest.raises(InputError, match="received a link to"):
        from_huggingface(folder)


def test_links_inside_the_folder_are_followed(masked_lm, folder):
    (folder / "model.safetensors").rename(folder / "weights")
    (folder / "model.safetensors").symlink_to("weights")
    assert_equal(from_huggingface(folder)["generator"](INPUTS), outputs(masked_lm[0]))


# Pickles


class Evil:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def write_zip(path, content, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", content)


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path, form):
    mark = tmp_path / "was_run"
    path = tmp_path / "model.bin"
    state = {"weight": Evil(exec, f"open({str(mark)!r}, 'w')")}
    if form == "zip":
        write_zip(path, pickle.dumps(state))
    elif form == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
    else:
        path.write_bytes(pickle.dumps(state))
    with pytest.raises(ElectraError) as caught:
        read_torch_file(path)
    assert not mark.exists()
    if form != "bare":
        assert isinstance(caught.value, InputError)
        assert ".exec, which could run code" in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {"weight": 3.0},
        {"weight": ("storage", "FloatStorage", "0", "cpu", 1)},
        {"weight": np.zeros(2)},
        {3: None},
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    write_zip(tmp_path / "model.bin", pickle.dumps(content))
    with pytest.raises(InputError):
        read_torch_file(tmp_path / "model.bin")


def test_a_compressed_zip_is_refused(tmp_path):
    write_zip(tmp_path / "model.bin", pickle.dumps({}), zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="uncompressed"):
        read_torch_file(tmp_path / "model.bin")


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((3,), (1,), 0),
        ((2,), (1,), 1),
        ((2,), (-1,), 1),
        ((1000, 1000), (0, 0), 0),
        ((1,), (1,), -1),
    ],
)
def test_a_view_beyond_its_storage_is_refused(tmp_path, shape, strides, offset):
    """Two numbers stand in the storage; a view of more would show foreign memory, or fill it."""
    good = tmp_path / "good.bin"
    torch.save({"weight": torch.zeros(2)}, good)
    with zipfile.ZipFile(good) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    rebuilt = torch._utils._rebuild_tensor_v2

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, "0", "cpu", 2) if value == "here" else None

    with zipfile.ZipFile(tmp_path / "bad.bin", "w") as archive:
        for name, content in files.items():
            if name.endswith("data.pkl"):
                path = tmp_path / "data.pkl"
                with open(path, "wb") as file:
                    tensor = Evil(rebuilt, "here", offset, shape, strides, False, None)
                    Pickler(file, protocol=2).dump({"weight": tensor})
                content = path.read_bytes()
            archive.writestr(name, content)
    with pytest.raises(DamagedDataError):
        read_torch_file(tmp_path / "bad.bin")


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
def test_cut_and_changed_files_give_a_sentence(masked_lm, folder, form):
    path = folder / "model.safetensors"
    if form != "safetensors":
        path = as_bin(folder, masked_lm[0], _use_new_zipfile_serialization=form == "zip")
    content = path.read_bytes()
    for fraction in (0, 0.001, 0.1, 0.5, 0.9, 0.999):
        path.write_bytes(content[: int(len(content) * fraction)])
        with pytest.raises(DamagedDataError):
            from_huggingface(folder)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_any_changed_byte_of_a_pickle_is_survived(tmp_path, form):
    path = tmp_path / "model.bin"
    torch.save({"a": torch.ones(2)}, path, _use_new_zipfile_serialization=form == "zip")
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(400):
        changed = bytearray(content)
        changed[rng.integers(len(content))] = rng.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(ElectraError):
            read_torch_file(path)


# Content


@pytest.mark.parametrize(
    "name", ["RobertaModel", "DebertaForSequenceClassification", "ElectraForCausalLM", None]
)
def test_unknown_classes_are_refused_and_the_known_ones_named(folder, name):
    edit_json(folder / "config.json", architectures=name and [name])
    with pytest.raises(InputError, match="ElectraForPreTraining.*BertModel"):
        from_huggingface(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_act": "gelu_new"},
        {"hidden_act": "relu"},
        {"position_embedding_type": "relative_key"},
        {"layer_norm_eps": 1e-5},
        {"is_decoder": True},
        {"num_attention_heads": 3},
        {"hidden_size": "wide"},
    ],
)
def test_options_that_the_encoder_lacks_are_refused(folder, change):
    edit_json(folder / "config.json", **change)
    with pytest.raises(InputError, match="config.json"):
        from_huggingface(folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"vocab_size": V + 1}, "word_embeddings"),
        ({"max_position_embeddings": 512}, "position_embeddings"),
        ({"embedding_size": 4}, "word_embeddings"),
        ({"intermediate_size": 64}, "intermediate"),
        ({"num_hidden_layers": LAYERS + 1}, "layer.2"),
        ({"num_hidden_layers": LAYERS - 1}, "layer.1"),
        ({"vocab_size": 10**12}, "word_embeddings"),
        ({"num_hidden_layers": 10**9}, "layer.999999999"),
    ],
)
def test_sizes_must_be_those_of_the_tensors(folder, change, named):
    edit_json(folder / "config.json", **change)
    with pytest.raises(InputError, match=named):
        from_huggingface(folder)


@pytest.mark.parametrize(
    "name",
    [
        "electra.encoder.layer.1.attention.self.key.weight",
        "electra.embeddings_project.bias",
        "generator_predictions.LayerNorm.weight",
        "generator_lm_head.bias",
    ],
)
def test_a_missing_or_misshapen_tensor_is_named(masked_lm, folder, name):
    state = state_of(masked_lm[0])
    torch.save({**state, name: state[name][..., :-1].clone()}, as_bin(folder, masked_lm[0]))
    with pytest.raises(InputError, match=f"{name}.*of shape"):
        from_huggingface(folder)
    del state[name]
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=f"{name}.*not found"):
        from_huggingface(folder)


def test_an_output_table_of_its_own_is_refused(masked_lm, folder):
    state = state_of(masked_lm[0])
    state["generator_lm_head.weight"] = state["generator_lm_head.weight"] + 1
    torch.save(state, as_bin(folder, masked_lm[0]))
    with pytest.raises(InputError, match="token table"):
        from_huggingface(folder)


# Tokenizer


TEXTS = ["The old Cat sees café, dogs!", "in the WOOD ##s un", "x" * 101 + " house"]


@pytest.fixture
def with_vocabulary(folder, vocabulary):
    """A function: the folder with the tokenizer's files as a version of `transformers` leaves them."""

    def make(form, **options):
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in vocabulary))
        tokenizer = transformers.BertTokenizer(vocab=str(folder / "vocab.txt"), **options)
        tokenizer.save_pretrained(folder)
        (folder / ("tokenizer.json" if form == "vocab.txt" else "vocab.txt")).unlink()
        return folder, tokenizer

    return make


@pytest.mark.parametrize("form", ["vocab.txt", "tokenizer.json"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_lower_case": False},
        {"strip_accents": False},
        {"do_lower_case": False, "strip_accents": True},
    ],
)
def test_the_tokenizer_gives_the_same_ids(with_vocabulary, form, options):
    path, tokenizer = with_vocabulary(form, **options)
    found = from_huggingface(path)
    for text in TEXTS:
        assert found["tokenizer"].encode(text) == tokenizer.encode(text, add_special_tokens=False)
    assert found["generator"].tokenizer is found["backbone"].tokenizer is found["tokenizer"]


def test_a_vocabulary_of_another_size_is_refused(with_vocabulary):
    path, _ = with_vocabulary("vocab.txt")
    with open(path / "vocab.txt", "a") as file:
        file.write("more\n")
    with pytest.raises(InputError, match="at most 60 entries.*received 61"):
        from_huggingface(path)


@pytest.mark.parametrize(
    "change",
    [{"tokenizer_class": "BertJapaneseTokenizer"}, {"tokenize_chinese_chars": False}],
)
def test_other_tokenizers_are_refused(with_vocabulary, change):
    path, _ = with_vocabulary("vocab.txt")
    edit_json(path / "tokenizer_config.json", **change)
    with pytest.raises(InputError, match=next(iter(change))):
        from_huggingface(path)


@pytest.mark.parametrize("change", [{"type": "BPE"}, {"vocab": {"[PAD]": 0, "[UNK]": 2}}])
def test_other_models_in_tokenizer_json_are_refused(with_vocabulary, change):
    path, _ = with_vocabulary("tokenizer.json")
    whole = json.loads((path / "tokenizer.json").read_text())
    whole["model"].update(change)
    (path / "tokenizer.json").write_text(json.dumps(whole))
    with pytest.raises(InputError, match="tokenizer.json"):
        from_huggingface(path)
