"""Compressed streams, read a little at a time; one that is damaged or ends too soon is refused."""

import bz2
import lzma
import zlib

from keras_electra.errors import InputError, MissingExtraError

READ_BYTES = 1 << 16
# Its decompressor returns all that a block gives, which may be 30,000 times as much.
ZSTD_READ_BYTES = 1 << 12
MAX_WINDOW_BYTES = 1 << 27
MAX_XZ_BYTES = 1 << 28
GZIP_WINDOW_BITS = 31


class Decompressed:
    """What a compressed stream holds, as a file to read from.

    Several streams after each other, and zeros between and after them, are read as one.

    Args:
        file: the compressed bytes; an empty one holds nothing.
        name: what error sentences call it.
        compression: "gzip", "bzip2", "xz" or "zstd".

    Raises:
        InputError: from `read`, naming the compressed byte, once all before the damage was returned.
    """

    def __init__(self, file, name: str, compression: str):
        self._file, self._name, self._compression = file, name, compression
        self._new_stream, self._read_bytes = STREAMS[compression], READ_BYTES
        if compression == "zstd":
            self._read_bytes = ZSTD_READ_BYTES
        self._stream, self._input, self._num_read = None, b"", 0
        self._ready, self._damage = b"", None

    def read(self, num_bytes: int) -> bytes:
        """So many bytes; fewer only at the end."""
        blocks, have = [self._ready], len(self._ready)
        while have < num_bytes and self._damage is None:
            try:
                block = self._next(num_bytes - have)
            except InputError as error:
                self._damage = error
                break
            if not block:
                break
            blocks.append(block)
            have += len(block)
        whole = b"".join(blocks)
        self._ready = whole[num_bytes:]
        if not whole and self._damage is not None:
            raise self._damage
        return whole[:num_bytes]

    def _next(self, num_bytes: int) -> bytes:
        """Some bytes; none at the end."""
        while True:
            if self._stream is None and not self._begin():
                return b""
            if not self._input and self._stream.needs_input and not self._refill():
                raise self._damaged("without its end", "ends")
            try:
                block, self._input = self._stream.feed(self._input, num_bytes)
            except self._stream.errors as error:
                raise self._damaged(str(error), "is damaged") from error
            if self._stream.is_over:
                self._stream = None
            if block:
                return block

    def _begin(self) -> bool:
        """Start the next of the streams that follow each other; False if none is left."""
        padding = b"\0" if self._num_read else b""
        self._input = self._input.lstrip(padding)
        while not self._input:
            if not self._refill():
                return False
            self._input = self._input.lstrip(padding)
        self._stream = self._new_stream()
        return True

    def _refill(self) -> bool:
        self._input = self._file.read(self._read_bytes)
        self._num_read += len(self._input)
        return bool(self._input)

    def _damaged(self, reason: str, verb: str) -> InputError:
        position = self._num_read - len(self._input)
        return InputError(
            f"{self._name}: expected a whole {self._compression} stream, received one that {verb} "
            f"near compressed byte {position} ({reason})"
        )


class BlockStream:
    """One bzip2 or xz stream."""

    errors = (OSError, EOFError, ValueError, lzma.LZMAError)

    def __init__(self, decompressor):
        self._decompressor = decompressor

    @property
    def needs_input(self) -> bool:
        return self._decompressor.needs_input

    @property
    def is_over(self) -> bool:
        return self._decompressor.eof

    def feed(self, data: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        """At most `max_bytes` of output, and the input that was not taken."""
        block = self._decompressor.decompress(data, max_bytes)
        return block, self._decompressor.unused_data if self.is_over else b""


class GzipStream:
    """One gzip stream, its check sum verified."""

    errors = (zlib.error,)
    needs_input = True

    def __init__(self):
        self._decompressor = zlib.decompressobj(GZIP_WINDOW_BITS)

    @property
    def is_over(self) -> bool:
        return self._decompressor.eof

    def feed(self, data: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        """At most `max_bytes` of output, and the input that was not taken."""
        block = self._decompressor.decompress(data, max_bytes)
        rest = self._decompressor
        return block, rest.unused_data if rest.eof else rest.unconsumed_tail


class ZstdStream:
    """One Zstandard frame, which may look back at most 128 MB."""

    needs_input = True

    def __init__(self):
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtraError("reading Zstandard files", "data") from error
        self.errors = (zstandard.ZstdError,)
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        self._decompressor = decompressor.decompressobj()

    @property
    def is_over(self) -> bool:
        return self._decompressor.eof

    def feed(self, data: bytes, max_bytes: int) -> tuple[bytes, bytes]:
        """All output that `data` gives, and the input that was not taken."""
        block = self._decompressor.decompress(data)
        return block, self._decompressor.unused_data if self.is_over else b""


STREAMS = {
    "gzip": GzipStream,
    "bzip2": lambda: BlockStream(bz2.BZ2Decompressor()),
    "xz": lambda: BlockStream(lzma.LZMADecompressor(memlimit=MAX_XZ_BYTES)),
    "zstd": ZstdStream,
}
