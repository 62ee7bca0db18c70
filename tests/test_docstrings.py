"""The examples in the docstrings of the exported names run, and show what they give."""

import doctest

import numpy as np
import pytest

import keras_electra

WITHOUT_EXAMPLE = """
ElectraPretrainer ExtractiveQA Inspector MultipleChoice OnnxModel PretrainBatches RunLogger
SeveralTasks Store Task TextClassifier TextRegressor TokenClassifier Trace add_to_store
build_store compare_results convert detect evaluate export_onnx finetune import_tfrecords
known_task load merge_stores own_task prepare_store pretrain profile pseudo_log_likelihood
save_preset search split_store trace
"""
"""Exported names that have no example yet; none is added here."""

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples_of(name):
    """The docstrings with an example of an exported name: its own, and those of its public methods."""
    found = doctest.DocTestFinder().find(
        getattr(keras_electra, name), name, globs={"ke": keras_electra, "np": np}
    )
    return [one for one in found if one.examples and "._" not in one.name]


@pytest.mark.parametrize("name", keras_electra.__all__)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = examples_of(name)
    has_example = any(one.name == name for one in examples)
    assert has_example != (name in WITHOUT_EXAMPLE.split()), (
        "an example, or a line in WITHOUT_EXAMPLE"
    )
    runner, told = doctest.DocTestRunner(optionflags=FLAGS), []
    for one in examples:
        runner.run(one, out=told.append)
    assert not told, "".join(told)


def test_the_list_of_names_without_an_example_only_shrinks():
    names = WITHOUT_EXAMPLE.split()
    assert set(names) <= set(keras_electra.__all__)
    assert len(names) <= 35
