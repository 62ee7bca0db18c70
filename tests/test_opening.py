"""A model of any format, for whoever takes one; and weights that are not there are never made up."""

import json
import shutil
import warnings

import numpy as np
import pytest
from keras import ops

import keras_electra as ke
from keras_electra.cli import main
from keras_electra.continuing import start_from
from keras_electra.convert import to_huggingface
from keras_electra.errors import DamagedDataError, InputError, Remark
from keras_electra.evaluation import evaluate
from keras_electra.finetuning.start import Start
from keras_electra.inspect_worker import Models
from keras_electra.launching.finetune_plan import StartingModel
from keras_electra.pretrainer import ElectraPretrainer
from keras_electra.pretraining import pretrain
from keras_electra.task_models import TextClassifier
from keras_electra.workers.inspector_client import check_folder

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
TEXT = "the old cat saw a dog ."


@pytest.fixture(scope="module")
def pretrainer(tiny_encoder, tokenizer):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5})
    model.tokenizer, model.sequence_length = tokenizer, 12
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape).astype("float32"))
    return model


@pytest.fixture(scope="module")
def pair(pretrainer, tmp_path_factory):
    """Its two folders of Hugging Face."""
    path = tmp_path_factory.mktemp("huggingface") / "pair"
    to_huggingface(pretrainer, path)
    return path


@pytest.fixture(scope="module")
def run(store, tiny_config, tmp_path_factory):
    """A run of three steps that keeps a moving average."""
    path = tmp_path_factory.mktemp("runs") / "run"
    pretrain(tiny_config(steps=3, checkpoint_every_steps=2, ema_rate=0.5), store.path, path)
    return path


@pytest.fixture(scope="module")
def plain_run(store, tiny_config, tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "plain"
    pretrain(tiny_config(steps=2), store.path, path)
    return path


def probabilities(model):
    return np.asarray(ke.detect(model, [TEXT])[0].probabilities)


def test_both_networks(pretrainer, pair):
    with warnings.catch_warnings():
        warnings.simplefilter("error", Remark)
        model = ke.load(pair)
    np.testing.assert_allclose(probabilities(model), probabilities(pretrainer), atol=1e-5)
    assert model.generator is not None


def test_a_discriminator_alone_has_no_generator_made_up(pretrainer, pair):
    with pytest.warns(Remark, match="no generator"):
        model = ke.load(pair / "discriminator")
    assert model.generator is None
    np.testing.assert_allclose(probabilities(model), probabilities(pretrainer), atol=1e-5)


def test_a_generator_alone_has_no_detector_made_up(pair):
    model = ke.load(pair / "generator")
    assert model.objective.objective == "mlm"
    with pytest.raises(InputError, match="no detector"):
        ke.detect(model, [TEXT])


def test_an_encoder_and_a_task_model(pretrainer, tokenizer, tmp_path):
    pretrainer.backbone.tokenizer = tokenizer
    to_huggingface(pretrainer.backbone, tmp_path / "encoder")
    classifier = TextClassifier(pretrainer.backbone, labels=["no", "yes"])
    classifier.tokenizer = tokenizer
    to_huggingface(classifier, tmp_path / "classifier")
    start = Start.of(tmp_path / "encoder")
    table = ops.convert_to_numpy(pretrainer.backbone.embeddings.table())
    np.testing.assert_array_equal(ops.convert_to_numpy(start.backbone.embeddings.table()), table)
    with pytest.raises(InputError, match="expected a pretrained model"):
        ke.detect(ke.load(tmp_path / "encoder"), [TEXT])
    opened = ke.load(tmp_path / "classifier")
    assert opened.predict([TEXT]) == classifier.predict([TEXT])


@pytest.mark.parametrize("name", ["", "discriminator"])
def test_the_form_of_a_fine_tuning_takes_it(pretrainer, pair, tokenizer, name):
    found = StartingModel.at(pair / name)
    assert found.encoder == pretrainer.encoder
    assert found.open_tokenizer().fingerprint == tokenizer.fingerprint


@pytest.mark.parametrize("name", ["", "discriminator", "generator"])
def test_a_pretraining_starts_from_it(pretrainer, pair, tiny_encoder, tokenizer, name):
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5}, seed=9)
    model.tokenizer = tokenizer
    before = ops.convert_to_numpy(model.discriminator.head.weights[0]).copy()
    start_from(model, pair / name)
    head = ops.convert_to_numpy(model.discriminator.head.weights[0])
    if name == "generator":
        np.testing.assert_array_equal(head, before)
        return
    table = ops.convert_to_numpy(model.backbone.embeddings.table())
    np.testing.assert_array_equal(
        table, ops.convert_to_numpy(pretrainer.backbone.embeddings.table())
    )
    np.testing.assert_array_equal(
        head, ops.convert_to_numpy(pretrainer.discriminator.head.weights[0])
    )


def test_a_pretraining_starts_from_an_encoder_alone(pretrainer, tiny_encoder, tokenizer, tmp_path):
    pretrainer.backbone.tokenizer = tokenizer
    to_huggingface(pretrainer.backbone, tmp_path / "encoder")
    model = ElectraPretrainer(tiny_encoder(num_layers=1), {"generator_width_fraction": 0.5}, seed=9)
    model.tokenizer = tokenizer
    sentences = start_from(model, tmp_path / "encoder")
    assert "started afresh" in sentences[0]
    for mine, theirs in zip(
        model.backbone.trainable_variables, pretrainer.backbone.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(ops.convert_to_numpy(mine), ops.convert_to_numpy(theirs))


def test_the_cache_of_the_hub(pretrainer, pair, tmp_path):
    cache = tmp_path / "hub" / "models--a--b"
    (cache / "snapshots" / "abc").mkdir(parents=True)
    shutil.copytree(pair / "discriminator", cache / "blobs")
    for file in (cache / "blobs").iterdir():
        (cache / "snapshots" / "abc" / file.name).symlink_to(f"../../blobs/{file.name}")
    for path in (cache, cache / "snapshots" / "abc"):
        check_folder(path)
        model = ke.load(path)
        np.testing.assert_allclose(probabilities(model), probabilities(pretrainer), atol=1e-5)
    for above in (tmp_path / "hub", cache / "snapshots"):
        with pytest.raises(InputError, match="found .*: use that path"):
            ke.load(above)


def test_the_folder_above_and_the_file_inside(pair, run, tmp_path):
    for path, found in (
        (pair.parent, pair),
        (pair / "generator" / "model.safetensors", pair / "generator"),
        (run.parent, run),
        (run / "checkpoints", run / "checkpoints" / "step_00000003"),
    ):
        with pytest.raises(InputError, match="KerasHub preset; found") as caught:
            ke.load(path)
        assert str(found) in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        ke.load(tmp_path / "none")


def test_what_only_convert_reads_is_named_with_the_command(tmp_path):
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "model.ckpt-1.index").write_text("")
    (tmp_path / "hub").mkdir()
    content = {"registered_name": "keras_hub>ElectraBackbone", "module": "keras_hub"}
    (tmp_path / "hub" / "config.json").write_text(json.dumps(content))
    for path in (tmp_path / "google", tmp_path / "google" / "model.ckpt-1", tmp_path / "hub"):
        with pytest.raises(InputError, match="keras-electra convert --from"):
            ke.load(path)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "pytorch_model.bin", "vocab.txt", "tokenizer.json", "config.json"]
)
def test_pointers_of_git_are_named(pair, tmp_path, name, capsys):
    folder = shutil.copytree(pair / "discriminator", tmp_path / "copy")
    if name == "pytorch_model.bin":
        (folder / "model.safetensors").unlink()
    (folder / name).write_text(POINTER)
    assert main(["convert", "--from", str(folder), "--to", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"{name} is a Git LFS pointer" in said
    assert "git lfs pull" in said
    with pytest.raises(InputError, match="Git LFS pointer"):
        ke.load(folder)


@pytest.mark.parametrize("name", ["flax_model.msgpack", "tf_model.h5"])
def test_weights_of_other_programs_are_named(pair, tmp_path, name):
    folder = shutil.copytree(pair / "discriminator", tmp_path / "copy")
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(InputError, match=f"found {name}, which is not read"):
        ke.load(folder)
    (folder / name).write_text(POINTER)
    with pytest.raises(InputError, match=f"{name} is a Git LFS pointer"):
        ke.load(folder)


def test_a_preset_whose_weights_are_pointers(pretrainer, tmp_path):
    ke.save_preset(tmp_path / "preset", pretrainer)
    (tmp_path / "preset" / "generator.safetensors").write_text(POINTER)
    with pytest.raises((InputError, DamagedDataError), match="Git LFS pointer"):
        ke.load(tmp_path / "preset")


def test_the_command_line_prints_remarks_in_a_line(pair, capsys):
    assert main(["detect", "--model", str(pair / "discriminator"), TEXT]) == 0
    said = capsys.readouterr()
    assert "remark: " in said.err
    assert "no generator" in said.err
    assert ".py:" not in said.err


def test_a_folder_without_a_vocabulary(pair, tmp_path):
    folder = shutil.copytree(pair / "discriminator", tmp_path / "copy")
    for name in ("vocab.txt", "tokenizer.json"):
        (folder / name).unlink()
    (folder / "spiece.model").write_bytes(b"\n")
    with pytest.raises(InputError, match=r"spiece\.model is a SentencePiece model"):
        ke.load(folder)


# The moving average


def test_the_average_is_another_model(run, store):
    last, average = (ke.load(run, weights=name) for name in ("last", "average"))
    checkpoint = ke.load(run / "checkpoints" / "step_00000003", weights="average")
    assert (probabilities(last) != probabilities(average)).any()
    np.testing.assert_array_equal(probabilities(average), probabilities(checkpoint))
    figures = [evaluate(run, weights=name, max_examples=8) for name in ("last", "average")]
    assert figures[0]["mlm_loss"] != figures[1]["mlm_loss"]
    assert Start.of(run, "average").fingerprint == Start.of(average).fingerprint
    assert Start.of(run).fingerprint != Start.of(average).fingerprint


def test_the_worker_of_panels_takes_it(run):
    models = Models(run, "average")
    models.info()
    average = probabilities(ke.load(run, weights="average"))
    np.testing.assert_array_equal(probabilities(models.inspector.model), average)
    # Another checkpoint of the run, and this one again, are put into a second model.
    for step in (2, 3):
        path = run / "checkpoints" / f"step_{step:08d}"
        expected = probabilities(ke.load(path, weights="average"))
        np.testing.assert_array_equal(probabilities(models.at(path).model), expected)


def test_an_average_that_is_not_there_is_refused_everywhere(
    plain_run, pair, pretrainer, tokenizer, tmp_path, capsys
):
    ke.save_preset(tmp_path / "preset", pretrainer)
    classifier = TextClassifier(pretrainer.backbone, labels=["no", "yes"])
    classifier.tokenizer, classifier.sequence_length = tokenizer, 12
    classifier.save(tmp_path / "model.keras")
    checkpoint = next((plain_run / "checkpoints").iterdir())
    data = tmp_path / "reviews.csv"
    data.write_text("text,label\n" + "a good book,yes\na bad book,no\n" * 8)
    paths = (plain_run, checkpoint, tmp_path / "preset", tmp_path / "model.keras", pair)
    for path in paths:
        with pytest.raises(InputError, match="has no moving average.*--ema-rate"):
            ke.load(path, weights="average")
    with pytest.raises(InputError, match="weights: expected one of last, average"):
        ke.load(plain_run, weights="best")
    with pytest.raises(InputError, match="no moving average"):
        evaluate(pretrainer, None, weights="average")
    with pytest.raises(InputError, match="no moving average"):
        Models(plain_run, "average").info()
    out = str(tmp_path / "out")
    finetuned = ["--data", str(data), "--run-dir", out]
    model = ["--model", str(plain_run)]
    for command in (
        ["evaluate", "--run-dir", str(plain_run)],
        ["detect", *model, TEXT],
        ["corrupt", *model, TEXT],
        ["finetune", *model, *finetuned],
        ["search", *model, *finetuned, "--space", '{"batch_size": [4]}'],
        ["compare", str(plain_run), str(plain_run), *finetuned],
        ["export", *model, "--out", out],
        ["convert", "--from", str(plain_run), "--to", out],
    ):
        assert main([*command, "--weights", "average"]) == 2, command
        assert "has no moving average" in capsys.readouterr().err, command
        assert not (tmp_path / "out").exists()
