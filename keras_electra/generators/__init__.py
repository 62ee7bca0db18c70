"""What proposes the tokens that replace others: one file for each kind of generator.

The options choose among them by name, and are read without Keras: at import these files need none.
"""

from keras_electra.generators.base import Generator
from keras_electra.generators.small import SmallGenerator
from keras_electra.generators.tied import TiedGenerator
from keras_electra.generators.two_tower import TwoTower
from keras_electra.generators.uniform import UniformGenerator

GENERATORS: tuple[Generator, ...] = (
    SmallGenerator(),
    UniformGenerator(),
    TwoTower(),
    TiedGenerator(),
)
"""The one place that lists them: another kind is a file of this folder and a line here."""


def generator_named(name: str) -> Generator:
    """The kind of generator that the option `generator` names."""
    return next(kind for kind in GENERATORS if kind.name == name)
