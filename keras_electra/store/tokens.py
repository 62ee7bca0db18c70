"""The token ids of a store, memory-mapped, addressed as if they were one array."""

import pathlib

import numpy as np

from keras_electra.store.manifest import shard_file


class ShardedTokens:
    """N token ids spread over files of equal length, the last one shorter.

    Args:
        folder: where the shards are.
        num_tokens: N.
        shard_tokens: tokens per file.
        dtype: type of the ids in the files.
    """

    def __init__(self, folder: pathlib.Path, num_tokens: int, shard_tokens: int, dtype: np.dtype):
        self.shard_tokens = shard_tokens
        num_shards = -(-num_tokens // shard_tokens)
        paths = [folder / shard_file(index) for index in range(num_shards)]
        self._shards = [np.asarray(np.memmap(path, dtype, "r")) for path in paths]
        self._num_tokens = num_tokens

    def __len__(self) -> int:
        return self._num_tokens

    def __getitem__(self, positions: np.ndarray) -> np.ndarray:
        """The ids at `positions` (n,), as int32 (n,)."""
        if len(self._shards) == 1:
            return self._shards[0][positions].astype(np.int32)
        ids = np.empty(len(positions), np.int32)
        shard_of = positions // self.shard_tokens
        for shard in np.unique(shard_of):
            chosen = shard_of == shard
            ids[chosen] = self._shards[shard][positions[chosen] - shard * self.shard_tokens]
        return ids
