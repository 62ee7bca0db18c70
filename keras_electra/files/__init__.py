"""How this package writes and locks files; nothing else in it opens one for writing."""

from keras_electra.files.checksums import HashedFile, file_hash
from keras_electra.files.folders import new_file, new_folder, refuse_full_folder, temporary_folder
from keras_electra.files.json_values import (
    plain,
    read_json,
    readable_json,
    to_json,
    to_json_lines,
    write_json,
    write_json_once,
)
from keras_electra.files.links import refuse_link, refuse_links_in, target_of
from keras_electra.files.locks import Lock
from keras_electra.files.paths import absolute, cache_path, free_bytes, shown_path
from keras_electra.files.rows import (
    append_row,
    drop_cut_line,
    drop_rows_after,
    parse_row,
    read_rows,
    sync_file,
)
from keras_electra.files.writing import (
    FULL,
    UNWRITABLE,
    remove,
    remove_temporary,
    replace,
    temporary_path,
    write_bytes,
    writing,
)

__all__ = [
    "FULL",
    "UNWRITABLE",
    "HashedFile",
    "Lock",
    "absolute",
    "append_row",
    "cache_path",
    "drop_cut_line",
    "drop_rows_after",
    "file_hash",
    "free_bytes",
    "new_file",
    "new_folder",
    "parse_row",
    "plain",
    "read_json",
    "read_rows",
    "readable_json",
    "refuse_full_folder",
    "refuse_link",
    "refuse_links_in",
    "remove",
    "remove_temporary",
    "replace",
    "shown_path",
    "sync_file",
    "target_of",
    "temporary_folder",
    "temporary_path",
    "to_json",
    "to_json_lines",
    "write_bytes",
    "write_json",
    "write_json_once",
    "writing",
]
