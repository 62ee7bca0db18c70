"""Sources of text of any kind, read as documents of lines in bounded memory."""

from keras_electra.corpus.cleaning import CleaningCounts, cleaned
from keras_electra.corpus.contamination import HeldOutNgrams
from keras_electra.corpus.given import Files, Texts, files_or_texts
from keras_electra.corpus.mixture import num_copies, repetitions
from keras_electra.corpus.problems import Problems
from keras_electra.corpus.reading import blocks, documents, lines, read_unit, texts_of
from keras_electra.corpus.sampling import glance, sample_lines
from keras_electra.corpus.sources import Paths, Source, sources_of, text_files
from keras_electra.corpus.units import UNIT_BYTES, Unit, units

__all__ = [
    "UNIT_BYTES",
    "CleaningCounts",
    "Files",
    "HeldOutNgrams",
    "Paths",
    "Problems",
    "Source",
    "Texts",
    "Unit",
    "blocks",
    "cleaned",
    "documents",
    "files_or_texts",
    "glance",
    "lines",
    "num_copies",
    "read_unit",
    "repetitions",
    "sample_lines",
    "sources_of",
    "text_files",
    "texts_of",
    "units",
]
