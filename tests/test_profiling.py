"""Where a step's time goes: what is measured, and what is concluded from it."""

import json

import pytest

from keras_electra import profiling
from keras_electra.backends import devices
from keras_electra.cli import main
from keras_electra.flops import step_flops


@pytest.fixture(scope="module")
def found(tiny_config, store):
    return profiling.profile(tiny_config(accumulation_steps=2), store, steps=3)


def test_a_profile_adds_up(found, tiny_config):
    assert set(found.part_seconds) == {
        "embeddings",
        "generator",
        "vocabulary head and sampling",
        "discriminator",
        profiling.REST,
    }
    assert all(seconds >= 0 for seconds in found.part_seconds.values())
    assert sum(found.part_seconds.values()) >= found.step_seconds * 0.999
    assert 0 < found.step_seconds < found.first_step_seconds
    assert 0 <= found.dispatch_seconds <= found.step_seconds * 1.5
    assert found.data_wait_seconds >= 0
    config = tiny_config()
    assert found.flops == step_flops(config)
    assert found.flops_per_second == pytest.approx(found.flops / found.step_seconds)
    tokens = config.batch_size * config.sequence_length
    assert found.tokens_per_second == pytest.approx(tokens / found.step_seconds)
    assert found.memory_peak_bytes > 10_000_000
    json.dumps(found.to_dict())


def test_the_callback_measures_any_fit_and_leaves_nothing(tiny_config, store):
    model = profiling.build(tiny_config(), store)
    batches = profiling.training_batches(store, tiny_config())
    measured = profiling.Profile(batches)
    for _ in range(2):
        model.fit(batches, steps_per_epoch=3, verbose=0, shuffle=False, callbacks=[measured])
        assert model.train_function != measured._handed_over
    assert len(measured.step_seconds) == len(measured.dispatch_seconds) == 5


@pytest.mark.parametrize(
    ("changes", "bound", "advice"),
    [
        ({}, "memory traffic", "larger batch_size, or dtype_policy='mixed_bfloat16'"),
        ({"data_wait_seconds": 0.2}, "data", "waits for data during 20% of a step"),
        ({"flops_per_second": 7e9}, "arithmetic", "runs at 70% of what one large product"),
        ({"dispatch_seconds": 0.9}, "host", "host needs 90% of a step"),
    ],
)
def test_the_bound_is_named_with_what_helps(tiny_config, monkeypatch, changes, bound, advice):
    figures = {
        "step_seconds": 1.0,
        "data_wait_seconds": 0.0,
        "dispatch_seconds": 0.1,
        "flops_per_second": 1e9,
        "peak_flops_per_second": 1e10,
        **changes,
    }
    monkeypatch.setattr(devices, "is_accelerated", lambda: True)
    name, sentence = profiling.verdict(figures, tiny_config())
    assert name == bound
    assert advice in sentence
    monkeypatch.setattr(devices, "is_accelerated", lambda: False)
    if bound == "host":
        # On a processor the host is the device.
        assert profiling.verdict(figures, tiny_config())[0] == "memory traffic"


def test_the_command_prints_json_or_a_table(found, store, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(profiling, "profile", lambda *given: asked.append(given) or found)
    given = ["profile", "--store", str(store.path), "--size", "tiny", "--batch-size", "4"]
    assert main([*given, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bound"] == found.bound
    config, path, steps = asked[0]
    assert (config.size, config.batch_size, path, steps) == ("tiny", 4, store.path, 10)
    assert main([*given, "--steps", "2"]) == 0
    out = capsys.readouterr().out
    assert found.advice in " ".join(out.split())
    assert "vocabulary head and sampling" in out


def test_the_command_needs_a_store_or_a_run(capsys):
    assert main(["profile"]) == 2
    assert "--store: expected a store, or --run-dir a run" in capsys.readouterr().err
