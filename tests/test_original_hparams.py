"""The original program's flags: every hyper-parameter is translated, or refused with a reason."""

import json
import shutil

import keras  # noqa: F401
import pytest

from keras_electra.cli import main
from keras_electra.cli.hparams import DEFAULTS, ENCODER_NAMES, MEANINGLESS, NAMES_HERE
from keras_electra.cli.translation import read_hparams, translate
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import ElectraError, InputError
from keras_electra.runs import RunFolder


def config_of(hparams, size="small", **changes):
    """The recipe that some hyper-parameters give at V = 100."""
    changes = {"vocabulary_size": 100, **translate(hparams).changes, **changes}
    return PretrainConfig.from_size(size, **changes)


class TestTranslation:
    @pytest.mark.parametrize(
        ("hparams", "changes"),
        [
            ({"gen_weight": 2.0}, {"mlm_weight": 2.0}),
            ({"disc_weight": 20}, {"rtd_weight": 20}),
            ({"mask_prob": 0.25}, {"mask_rate": 0.25}),
            ({"learning_rate": 1e-4}, {"learning_rate": 1e-4}),
            ({"lr_decay_power": 2.0}, {"schedule": "polynomial", "decay_power": 2.0}),
            ({"lr_decay_power": 1.0}, {"schedule": "linear", "decay_power": 1.0}),
            ({"weight_decay_rate": 0.0}, {"weight_decay_rate": 0.0}),
            ({"num_warmup_steps": 10}, {"warmup_steps": 10}),
            ({"save_checkpoints_steps": 7}, {"checkpoint_every_steps": 7}),
            ({"num_train_steps": 70}, {"steps": 70}),
            ({"keep_checkpoint_max": 2}, {"keep_checkpoints": 2}),
            ({"embedding_size": 64}, {"embedding_dim": 64}),
            ({"embedding_size": None}, {}),
            ({"vocab_size": 1000}, {"vocabulary_size": 1000}),
            ({"uniform_generator": True}, {"generator": "uniform"}),
            ({"two_tower_generator": True}, {"generator": "two_tower"}),
            ({"untied_generator": False}, {"generator": "tied"}),
            ({"untied_generator_embeddings": True}, {"embedding_sharing": "none"}),
            ({"generator_layers": 0.5}, {"generator_depth_fraction": 0.5}),
            ({"generator_hidden_size": 1.0}, {"generator_width_fraction": 1.0}),
            ({"disallow_correct": True}, {"correct_token_allowed": False}),
            ({"temperature": 2.0}, {"temperature": 2.0}),
            ({"max_seq_length": 64}, {"sequence_length": 64}),
            ({"train_batch_size": 16}, {"batch_size": 16}),
            ({"electra_objective": False}, {"objective": "mlm"}),
            (
                {"electra_objective": False, "electric_objective": True},
                {"objective": "electric", "generator": "two_tower"},
            ),
            ({"electric_objective": True}, {"objective": "electric", "generator": "two_tower"}),
        ],
    )
    def test_each_becomes_options(self, hparams, changes):
        assert translate(hparams).changes == changes
        config_of(hparams)

    def test_keeping_all_checkpoints(self):
        changes = translate({"keep_checkpoint_max": 0, "save_checkpoints_steps": 30}).changes
        assert changes["milestone_every_steps"] == 30

    def test_every_hyper_parameter_is_known_with_its_default(self):
        """The defaults, given explicitly, ask for the run that asking for nothing gives."""
        values = {name: value for name, value in DEFAULTS.items() if name != "model_size"}
        explicit = config_of({**values, "vocab_size": 100})
        assert explicit.flat() == config_of({}, keep_checkpoints=5).flat()

    @pytest.mark.parametrize("name", MEANINGLESS)
    def test_what_has_no_meaning_is_refused_with_a_reason(self, name):
        value = {bool: True, int: 8}.get(type(DEFAULTS[name]), "there")
        with pytest.raises(InputError, match=f"^{name}: .*; "):
            translate({name: value})
        translate({name: DEFAULTS[name]})

    def test_nothing_is_both_translated_and_refused(self):
        assert not NAMES_HERE.keys() & MEANINGLESS.keys()
        assert {*NAMES_HERE, *MEANINGLESS} <= DEFAULTS.keys()

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [("learning_rat", "learning_rate"), ("train_batchsize", "train_batch_size")],
    )
    def test_an_unknown_name_is_an_error_with_the_nearest(self, name, nearest):
        with pytest.raises(InputError, match=f"'{name}'; did you mean '{nearest}'"):
            translate({name: 1})

    @pytest.mark.parametrize(
        "hparams",
        [
            {"do_train": "false"},
            {"model_size": "tiny"},
            {"model_size": 3},
            {"train_batch_size": "8"},
            {"model_hparam_overrides": [1]},
            {"model_hparam_overrides": {"hidden_sizes": 1}},
            {"model_hparam_overrides": {"hidden_act": "relu"}},
            {"model_hparam_overrides": {"hidden_size": "64"}},
            {"defaults": "mine"},
            {"do_train": False},
            {"do_eval": True},
            {"uniform_generator": True, "untied_generator": False},
            {"electric_objective": True, "uniform_generator": True},
        ],
    )
    def test_wrong_values_are_errors(self, hparams):
        with pytest.raises(InputError):
            translate(hparams)

    def test_which_of_training_and_evaluation(self):
        assert not translate({}).evaluates
        assert translate({"do_train": False, "do_eval": True}).evaluates
        assert translate({}, evaluates=True).evaluates
        assert translate({"do_eval": True}, evaluates=True).evaluates

    def test_number_of_evaluation_examples(self):
        found = translate({"eval_batch_size": 4, "num_eval_steps": 3})
        assert (found.eval_batch_size, found.eval_examples) == (4, 12)
        assert translate({}).eval_examples == 12_800
        assert translate({"debug": True}).eval_examples == 8


class TestOverrides:
    def test_each_becomes_an_option(self):
        values = {here: 1 for here in ENCODER_NAMES}
        assert translate({"model_hparam_overrides": values}).changes.keys() >= set(
            ENCODER_NAMES.values()
        )

    def test_a_new_width_brings_heads_and_feed_forward_along(self):
        encoder = config_of({"model_hparam_overrides": {"hidden_size": 128}}).encoder
        assert (encoder.num_heads, encoder.intermediate_dim, encoder.embedding_dim) == (2, 512, 128)

    def test_given_heads_win(self):
        overrides = {"num_attention_heads": 8, "hidden_size": 128}
        assert config_of({"model_hparam_overrides": overrides}).encoder.num_heads == 8

    def test_embeddings_follow_the_width_unless_small(self):
        hparams = {"model_size": "base", "model_hparam_overrides": {"hidden_size": 384}}
        assert config_of(hparams, "base").encoder.embedding_dim == 384
        assert config_of({**hparams, "embedding_size": 96}, "base").encoder.embedding_dim == 96


class TestRecipes:
    @pytest.mark.parametrize(
        ("size", "values"),
        [
            ("small", {"sequence_length": 128, "learning_rate": 5e-4, "steps": 1_000_000}),
            ("base", {"sequence_length": 512, "learning_rate": 2e-4, "batch_size": 256}),
            ("large", {"mask_rate": 0.25, "batch_size": 2048, "steps": 400_000}),
        ],
    )
    def test_a_size_starts_from_the_paper(self, size, values):
        assert config_of({"model_size": size}, size).flat().items() >= values.items()

    def test_defaults_of_the_original(self):
        found = config_of({"model_size": "base", "defaults": "original"}, "base").flat()
        expected = {
            "sequence_length": 128,
            "learning_rate": 5e-4,
            "batch_size": 128,
            "generator_width_fraction": 0.25,
            "selection": "original",
            "packing": "original",
            "warmup_form": "original",
            "hidden_dim": 768,
        }
        assert found.items() >= expected.items()

    def test_given_values_win_over_debug_and_defaults(self):
        hparams = {"debug": True, "defaults": "original", "train_batch_size": 4}
        found = config_of(hparams)
        assert (found.batch_size, found.steps, found.encoder.hidden_dim) == (4, 20, 144)
        assert found.encoder.embedding_dim == 128


class TestReading:
    def test_text_and_file(self, tmp_path):
        path = tmp_path / "small.json"
        path.write_text('{"model_size": "small"}')
        assert read_hparams(str(path)) == read_hparams('{"model_size": "small"}')

    @pytest.mark.parametrize("text", ["", "{", "[1]", "3", "missing.json", "model_size=small"])
    def test_anything_else_is_refused(self, text):
        with pytest.raises(InputError, match="--hparams"):
            read_hparams(text)


class TestCommand:
    @pytest.fixture
    def data_dir(self, store, tmp_path):
        shutil.copytree(store.path, tmp_path / "store")
        shutil.copy(store.vocabulary, tmp_path / "vocab.txt")
        return tmp_path

    @pytest.fixture
    def trained(self, monkeypatch):
        """The recipes, stores and folders that `pretrain` was asked for, without training."""
        asked = []

        def note(config, store, run_dir, initial=None):
            asked.append((config, store, run_dir))
            raise ElectraError("enough")

        monkeypatch.setattr("keras_electra.cli.pretrain.pretrain_with_progress", note)
        return asked

    def run(self, data_dir, command="pretrain", **hparams):
        flags = ["--data-dir", str(data_dir), "--model-name", "m", "--hparams", json.dumps(hparams)]
        return main([command, *flags])

    def test_folders_and_differences(self, data_dir, trained, capsys):
        assert self.run(data_dir, model_size="base", num_train_steps=500) == 2
        ((config, store, run_dir),) = trained
        assert (store, run_dir) == (data_dir / "store", data_dir / "models" / "m")
        assert (config.size, config.steps, config.optimizer.warmup_steps) == ("base", 500, 10_000)
        told = capsys.readouterr().err
        for line in ("max_seq_length (sequence_length here): 512, there 128", "num_train_steps"):
            assert line in told
        assert "mask_prob" not in told

    def test_the_originals_own_defaults_differ_in_the_vocabulary_only(
        self, data_dir, trained, capsys
    ):
        self.run(data_dir, defaults="original")
        lines = [line for line in capsys.readouterr().err.splitlines() if ", there " in line]
        assert len(lines) == 1
        assert "vocab_size" in lines[0]

    def test_trains_and_evaluates_the_run(self, data_dir, capsys):
        narrow = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        hparams = {
            "model_hparam_overrides": narrow,
            "embedding_size": 8,
            "generator_hidden_size": 0.5,
            "num_train_steps": 2,
            "train_batch_size": 4,
            "max_seq_length": 12,
        }
        assert self.run(data_dir, **hparams) == 0
        assert self.run(data_dir, num_train_steps=3) == 0
        run = RunFolder(data_dir / "models" / "m")
        assert run.log_rows()[-1]["step"] == 3
        capsys.readouterr()
        evaluation = {"do_train": False, "do_eval": True, "eval_batch_size": 4, "num_eval_steps": 1}
        assert self.run(data_dir, **evaluation) == 0
        assert "area under the ROC curve" in capsys.readouterr().out
        flags = ["--data-dir", str(data_dir), "--model-name", "m", "--json"]
        assert main(["evaluate", *flags]) == 0
        assert json.loads(capsys.readouterr().out)["step"] == 3

    def test_what_does_not_go_together(self, data_dir, capsys):
        flags = ["--data-dir", str(data_dir), "--model-name", "m"]
        assert main(["pretrain", *flags, "--run-dir", "r"]) == 2
        assert "--data-dir and --run-dir" in capsys.readouterr().err
        assert main(["pretrain", *flags[:2]]) == 2
        assert "--model-name" in capsys.readouterr().err
        assert main(["evaluate", *flags, "--hparams", '{"do_train": true}']) == 2
        assert "do_train" in capsys.readouterr().err

    def test_another_vocabulary_or_case_is_refused(self, data_dir, capsys):
        assert self.run(data_dir, do_lower_case=False) == 2
        assert "do_lower_case" in capsys.readouterr().err
        lines = (data_dir / "vocab.txt").read_text().splitlines()
        (data_dir / "vocab.txt").write_text("\n".join([*lines, "extra"]) + "\n")
        assert self.run(data_dir) == 2
        assert "vocabulary" in capsys.readouterr().err
