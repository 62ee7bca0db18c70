"""`convert`: the source is recognised, the outcome checked; faults end with a sentence and nothing left."""

import json
import os
import pickle
import shutil
import zipfile

import pytest

from keras_electra import ElectraBackbone, TextClassifier, load, pretrain, save_preset
from keras_electra.cli import main
from keras_electra.convert import convert_model, converting, from_huggingface
from keras_electra.convert.sources import kind_of_source
from keras_electra.errors import InputError


@pytest.fixture(scope="module")
def run(store, tiny_config, tmp_path_factory):
    """A run of two steps."""
    path = tmp_path_factory.mktemp("runs") / "run"
    pretrain(tiny_config(steps=2, checkpoint_every_steps=2), store.path, path)
    return path


@pytest.fixture(scope="module")
def pair(run, tmp_path_factory):
    """Its folders of Hugging Face."""
    path = tmp_path_factory.mktemp("huggingface") / "pair"
    convert_model(run, path)
    return path


@pytest.fixture
def folder(pair, tmp_path):
    """A copy of the discriminator's folder that a test may spoil."""
    return shutil.copytree(pair / "discriminator", tmp_path / "source")


def test_every_kind_of_source_is_recognised(run, pair, tmp_path):
    assert kind_of_source(run) == "run"
    assert kind_of_source(next((run / "checkpoints").iterdir())) == "checkpoint"
    assert kind_of_source(pair) == kind_of_source(pair / "generator") == "huggingface"
    convert_model(pair, tmp_path / "preset")
    assert kind_of_source(tmp_path / "preset") == "preset"
    convert_model(pair, tmp_path / "model.keras")
    assert kind_of_source(tmp_path / "model.keras") == "keras"
    (tmp_path / "google").mkdir()
    (tmp_path / "google" / "model.ckpt-1.index").write_text("")
    assert kind_of_source(tmp_path / "google") == "google"
    assert kind_of_source(tmp_path / "google" / "model.ckpt-1") == "google"
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=str(path)):
            kind_of_source(path)


def test_a_run_to_hugging_face_and_back_to_a_preset(run, tmp_path, capsys):
    there, back = tmp_path / "there", tmp_path / "back"
    assert main(["convert", "--from", str(run), "--to", str(there)]) == 0
    said = capsys.readouterr().out
    assert "(huggingface)" in said and "largest difference" in said
    assert "- steps: 2" in (there / "generator" / "README.md").read_text()
    assert main(["convert", "--from", str(there), "--to", str(back), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["format"], done["path"]) == ("keras", str(back))
    assert done["largest_difference"] < 1e-6
    first, second = load(run), load(back)
    assert second.tokenizer.fingerprint == first.tokenizer.fingerprint
    assert second.objective.embedding_sharing == "full"


@pytest.mark.parametrize("generator", [None, "fresh", "copied", "given"])
def test_a_lone_discriminator_becomes_a_preset_that_a_run_can_start_from(
    pair, store, tiny_config, generator, tmp_path, capsys
):
    options = ["--generator", str(pair) if generator == "given" else generator]
    arguments = ["convert", "--from", str(pair / "discriminator"), "--to", str(tmp_path / "out")]
    code = main([*arguments, *(options if generator else [])])
    said = capsys.readouterr()
    if generator == "copied":
        assert code == 2 and "wide inside" in said.err
        return
    assert code == 0
    if generator != "given":
        assert "generator is fresh" in said.out
    model = load(tmp_path / "out")
    assert model.generator is not None and model.tokenizer is not None


def test_a_lone_generator_becomes_a_preset_of_masked_language_modelling(pair, tmp_path):
    done = convert_model(pair / "generator", tmp_path / "out")
    assert "objective='mlm'" in done.sentences[-1]
    assert load(tmp_path / "out").objective.objective == "mlm"


def test_a_fine_tuned_model_goes_from_preset_to_hugging_face(tiny_encoder, tokenizer, tmp_path):
    model = TextClassifier(ElectraBackbone(**tiny_encoder(num_layers=1).to_dict()), ["no", "yes"])
    model.tokenizer = tokenizer
    save_preset(tmp_path / "preset", model, 12)
    done = convert_model(tmp_path / "preset", tmp_path / "out")
    assert done.format == "huggingface"
    assert from_huggingface(tmp_path / "out")["task_model"].labels == ("no", "yes")


def test_slots_of_a_checkpoint_go_to_google(run, tmp_path, monkeypatch):
    """Which arrays are written; the files themselves are another test's."""
    written = {}

    def to_google(model, path, *, slots=None):
        written.update(converting_google.google_arrays(model, slots)[0])
        raise InputError("stop")

    from keras_electra.convert import google_writing as converting_google

    monkeypatch.setattr(converting, "to_google", to_google)
    with pytest.raises(InputError, match="stop"):
        convert_model(run, tmp_path / "out", "google")
    assert int(written["global_step"]) == 2
    assert "electra/encoder/layer_0/output/dense/kernel/adam_v" in written


# Faults: a sentence, exit code 2 or 3, the destination untouched


def convert(source, target, *options):
    return main(["convert", "--from", str(source), "--to", str(target), *options])


def spoil_architecture(folder):
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["ElectraForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config))


def spoil_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] *= 2
    (folder / "config.json").write_text(json.dumps(config))


def spoil_tensor(folder):
    import safetensors.numpy

    path = folder / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    del tensors["discriminator_predictions.dense.bias"]
    safetensors.numpy.save_file(tensors, path)


def spoil_pickle(folder):
    """What `torch.load` would have run as a command."""

    class Evil:
        def __reduce__(self):
            return os.system, ("touch " + str(folder.parent / "ran"),)

    (folder / "model.safetensors").unlink()
    with zipfile.ZipFile(folder / "pytorch_model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": Evil()}, protocol=2))


def spoil_length(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def spoil_link(folder):
    path = folder / "model.safetensors"
    shutil.move(path, folder.parent / "elsewhere")
    path.symlink_to(folder.parent / "elsewhere")


def spoil_vocabulary(folder):
    path = folder / "vocab.txt"
    path.write_text(path.read_text() + "one_more\n")
    # What is left when nothing else names the tokens.
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (spoil_architecture, 2, "architectures to be one of"),
        (spoil_shape, 2, "of shape"),
        (spoil_tensor, 2, "expected the tensor 'discriminator_predictions.dense.bias'"),
        (spoil_pickle, 2, "could run code"),
        (spoil_length, 3, "expected a whole safetensors file"),
        (spoil_link, 2, "inside the folder"),
        (spoil_vocabulary, 2, "vocabulary of at most"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_bad_input(folder, spoil, code, words, tmp_path, capsys):
    spoil(folder)
    assert convert(folder, tmp_path / "out") == code
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in said and said.startswith("keras-electra: ")
    assert not (tmp_path / "out").exists() and not (tmp_path / "ran").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_options_that_do_not_go_with_the_source(pair, tmp_path, capsys):
    for options, words in (
        (["--num-heads", "2"], "original program"),
        (["--cased"], "original program"),
        (["--weights", "average"], "weights: expected 'last'"),
        (["--temperature", "2"], "expected a generator"),
        (["--frozen-generator"], "expected a generator"),
        (["--generator", "fresh"], "discriminator or an encoder alone"),
        (["--format", "onnx"], "huggingface"),
    ):
        assert convert(pair, tmp_path / "out", *options) == 2
        assert words in capsys.readouterr().err
    assert convert(tmp_path / "none", tmp_path / "out") == 2
    assert not any(tmp_path.iterdir())


def test_a_destination_with_something_in_it_stays(pair, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert convert(pair, tmp_path) == 2
    assert "new or empty folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
