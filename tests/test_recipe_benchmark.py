"""The benchmark of recipes: budgets are kept, trainings are resumed, tables are printed."""

import json
import pathlib
import sys

import numpy as np
import pytest
from conftest import ENCODER
from keras import ops

from keras_electra import evaluation
from keras_electra.errors import InputError
from keras_electra.flops import run_flops, step_flops
from keras_electra.opening import load

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"
SHAPE = {k: v for k, v in ENCODER.items() if k != "vocabulary_size"}
SHAPE |= {"sequence_length": 12, "batch_size": 4, "num_layers": 1, "architecture": "electra"}


@pytest.fixture(autouse=True)
def on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize("base", ["paper", "modern", "own"])
@pytest.mark.parametrize("table", ["claim", "recipe"])
def test_every_variant_spends_the_budget_and_no_more(base, table):
    from recipes.variants import recipe_of, variants_of

    variants = variants_of(table, generator="a run")
    assert len(variants) == {"claim": 8, "recipe": 16}[table]
    found = {}
    for name, changes in variants.items():
        config = recipe_of("mini", base, changes, 1000, 1e13, warmup_fraction=0.1, seed=2)
        assert 1e13 - 2 * step_flops(config) < run_flops(config) <= 1e13, name
        assert config.optimizer.warmup_steps == round(0.1 * config.steps) and config.seed == 2
        found[name] = config
    if table == "claim":
        assert found["RTD, generator 1/8"].steps > found["RTD, generator 1"].steps
    else:
        assert "frozen generator" not in variants_of(table)
        assert (found["muon"].steps < found["base"].steps) == (base != "own")
        assert found["together"].optimizer.hidden_optimizer == "muon"
        assert found["geglu"].encoder.intermediate_dim == 512
        short = found["short examples first"]
        assert [stage.sequence_length for stage in short.all_stages] == [64, 128]
        assert short.all_stages[1].first_step == round(0.8 * short.steps)


def run(monkeypatch, *arguments):
    import recipe

    monkeypatch.setattr(sys, "argv", ["recipe.py", *map(str, arguments)])
    recipe.main()


@pytest.fixture
def options(store, tmp_path):
    """Arguments of trainings of a few steps, and the file of the results."""
    results = tmp_path / "results.jsonl"
    places = ["--store", store.path, "--out", tmp_path / "runs", "--results", results]
    sizes = ["--size", "tiny", "--flops", 1.5e7, "--held-out-examples", 8]
    return [*places, *sizes, "--shape", json.dumps(SHAPE)], results


def test_it_goes_on_where_it_was_and_prints_tables(options, tmp_path, monkeypatch, capsys):
    from recipes import measuring

    monkeypatch.setattr(measuring, "CHECKPOINTS", 2)
    options, results = options
    options += ["--table", "claim", "--curve"]
    options += ["--variants", "RTD, generator 1/2", "MLM", "--seeds"]
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "evaluate", lambda *a, **k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(monkeypatch, *options, 0)
    (trained,) = (tmp_path / "runs").glob("*/*/log.jsonl")
    before = trained.read_bytes()
    run(monkeypatch, *options, 0)
    assert trained.read_bytes() == before
    lines = results.read_text().splitlines()
    assert len(lines) == 2
    with open(results, "a") as file:
        file.write('{"cut": ')
    options[options.index("MLM")] = "RTD, generator 1/2"
    run(monkeypatch, *options, 0, 1)
    again = results.read_text().splitlines()
    assert again[:2] == lines and len(again) == 3
    rows = [json.loads(line) for line in again]
    named = [(row["variant"], row["seed"]) for row in rows]
    assert named == [("RTD, generator 1/2", 0), ("MLM", 0), ("RTD, generator 1/2", 1)]
    assert all(row["operations"] <= 1.5e7 for row in rows)
    assert 0 < rows[0]["held_out"]["rtd_auc"] < 1 and rows[1]["held_out"]["rtd_auc"] is None
    assert rows[0]["curve"][-1] == [rows[0]["tokens"], rows[0]["held_out"]["rtd_loss"]]
    assert len(rows[0]["curve"]) > 1

    capsys.readouterr()
    run(monkeypatch, "--report", "--results", results)
    printed = capsys.readouterr().out
    assert "Table `claim`: `tiny`, base `own`, 1.5e+07 operations each" in printed
    (line,) = (line for line in printed.splitlines() if line.startswith("| RTD, generator 1/2"))
    assert line.count("±") == 4 and "| 2 |" in line
    assert "Table `recipe`" not in printed


def test_a_frozen_generator_is_that_of_a_run(options, tmp_path, monkeypatch):
    options, results = options
    claim = ["--table", "claim", "--variants", "RTD, generator 1/2", "--seeds", 0]
    run(monkeypatch, *options, *claim)
    (first,) = (tmp_path / "runs").glob("*/rtd-generator-1-2-0")
    recipe = ["--table", "recipe", "--variants", "frozen generator", "--seeds", 0]
    run(monkeypatch, *options, *recipe, "--generator", first)
    (second,) = (tmp_path / "runs").glob("*/frozen-generator-0")
    given, kept = (load(path).generator for path in (first, second))
    ids = np.arange(5, 17)[None]
    logits = [ops.convert_to_numpy(network({"token_ids": ids})) for network in (given, kept)]
    np.testing.assert_allclose(*logits, atol=1e-5)
    rows = [json.loads(line) for line in results.read_text().splitlines()]
    assert rows[1]["steps"] > rows[0]["steps"] and rows[1]["operations"] <= 1.5e7


def test_an_unknown_variant_is_named(options, monkeypatch):
    with pytest.raises(InputError, match="did you mean 'MLM'"):
        run(monkeypatch, *options[0], "--table", "claim", "--variants", "MLN")


def test_differences_are_of_pairs_of_seeds():
    from recipes.reporting import differences

    def row(seed, score, auc=None):
        return {"seed": seed, "held_out": {"rtd_auc": auc}, "tasks": {"sst2": score}}

    base = [row(0, 0.5, 0.7), row(1, 0.7, 0.8), row(2, 0.6)]
    other = [row(2, 0.62, 0.9), row(0, 0.54), row(1, 0.72), row(3, 0.0)]
    lines = differences({"first": base, "none": [], "other": other, "one seed": [row(0, 1.0)]})
    assert lines[1].startswith("| less `first`, in pairs | RTD AUC |") and len(lines) == 4
    # 0.04, 0.02 and 0.02: 0.0267 ± 4.303 · 0.01155 / √3.
    assert lines[3] == "| other |  |  |  |  | +0.027 ± 0.029 |  |  |"
    assert differences({"first": base[:1], "other": other[:1]}) == []


def test_tokens_to_a_loss_lie_between_two_checkpoints():
    from recipes.reporting import share_of_tokens, tokens_to

    curve = [[100, 0.6], [200, 0.4], [300, 0.3]]
    assert tokens_to(curve, 0.5) == pytest.approx(150)
    assert tokens_to(curve, 0.7) == 100
    assert tokens_to(curve, 0.2) is None
    # For good: what comes down and goes up again has not got there yet.
    assert tokens_to([[100, 0.3], [200, 0.6], [300, 0.4]], 0.5) == pytest.approx(250)
    rows = [{"curve": [[n, loss + more] for n, loss in curve]} for more in (0.1, -0.1)]
    base = [{"curve": [[200, 0.7], [400, 0.5]]}]
    assert share_of_tokens(rows, base) == "0.38 ×"
    assert share_of_tokens(base, base) == "1.00 ×"
    assert share_of_tokens(base, rows) == "not reached"
    assert share_of_tokens([{"curve": [[9, None]]}], base) == ""
