"""The store: a folder of token ids with sentence and document offsets, packed at load.

tokens-00000.bin …    token ids of the whole corpus, uint16 or uint32, little-endian
sentence_offsets.bin  int64 (S + 1): token at which each sentence starts, then the end
document_offsets.bin  int64 (D + 1): sentence at which each document starts, then the end
held_out.bin          int64 (H, 2): tokens where each held-out stretch starts and ends
token_counts.bin      int64 (V,): how often each token occurs in the training part
vocab.txt             the vocabulary that made the ids
manifest.json         counts, settings, and size and SHA-256 of every file
report.json, .html    what `prepare_store` found in the corpus; not a part of the fingerprint
"""

from keras_electra.store.build import build_store
from keras_electra.store.examples import Examples
from keras_electra.store.importing import import_tfrecords
from keras_electra.store.joining import add_to_store, merge_stores, split_store
from keras_electra.store.manifest import Manifest
from keras_electra.store.prepare import Prepared, Share, prepare_store
from keras_electra.store.preparing.watch import Progress
from keras_electra.store.reader import Store

__all__ = [
    "Examples",
    "Manifest",
    "Prepared",
    "Progress",
    "Share",
    "Store",
    "add_to_store",
    "build_store",
    "import_tfrecords",
    "merge_stores",
    "prepare_store",
    "split_store",
]
