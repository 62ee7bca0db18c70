"""The one layer for files: whole or not at all, locked until their process ends, full disks explained."""

import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from keras_electra import files
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import Lock, new_file, new_folder

posix_only = pytest.mark.skipif(os.name != "posix", reason="folders are locked on POSIX")

HOLDING = """
import sys
from keras_electra.files import Lock, new_folder
with new_folder(sys.argv[1]) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process in the middle of writing the folder "made"."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, tmp_path / "made"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path):
    with new_folder(tmp_path / "some" / "made") as folder:
        (folder / "file").write_text("content")
        assert not (tmp_path / "some" / "made").exists()
    assert names(tmp_path / "some") == ["made"]
    assert names(tmp_path / "some" / "made") == ["file"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, OSError(errno.EIO, "broken")])
@pytest.mark.parametrize("make", [new_folder, new_file])
def test_what_fails_leaves_nothing_and_its_own_error(tmp_path, make, fault):
    with pytest.raises(fault if isinstance(fault, type) else OSError), make(tmp_path / "made"):
        raise fault
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "existing", "is_taken"),
    [
        (None, "refused", True),
        (None, "empty", True),
        (None, "replaced", True),
        ([], "refused", False),
        ([], "empty", True),
        ([], "replaced", True),
        (["old"], "refused", False),
        (["old"], "empty", False),
        (["old"], "replaced", True),
    ],
)
def test_what_may_be_there_already(tmp_path, content, existing, is_taken):
    if content is not None:
        (tmp_path / "made").mkdir()
        for name in content:
            (tmp_path / "made" / name).write_text("old")
    if not is_taken:
        with pytest.raises(InputError, match="expected"), new_folder(tmp_path / "made", existing):
            pytest.fail("it was taken")
        assert names(tmp_path / "made") == content
        return
    with new_folder(tmp_path / "made", existing) as folder:
        (folder / "new").write_text("new")
    assert names(tmp_path / "made") == ["new"]
    assert names(tmp_path) == ["made"]


@posix_only
def test_an_empty_folder_may_be_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "made").symlink_to(tmp_path / "disk")
    with new_folder(tmp_path / "made", "empty") as folder:
        (folder / "new").write_text("new")
    assert (tmp_path / "made").is_symlink()
    assert names(tmp_path / "disk") == ["new"]


@posix_only
def test_a_killed_writer_is_cleared_away_and_a_live_one_is_not(tmp_path, holder):
    (half,) = tmp_path.iterdir()
    with new_folder(tmp_path / "made"):
        assert half.exists()
    assert half.exists()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert half.exists()
    with new_folder(tmp_path / "made", "replaced"):
        assert not half.exists()
    assert names(tmp_path) == ["made"]


def test_a_file_of_another_program_keeps_its_ending(tmp_path):
    with new_file(tmp_path / "model.keras") as path:
        assert path.name == "model.keras"
        path.write_text("whole")
        assert names(tmp_path) != ["model.keras"]
    assert (tmp_path / "model.keras").read_text() == "whole"
    assert names(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("make", [new_folder, new_file])
def test_a_full_disk_is_one_sentence(tmp_path, make):
    with (
        pytest.raises(InputError, match="no space left on the disk of .*made"),
        make(tmp_path / "made"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for write in (
        lambda: files.write_bytes(tmp_path / "file" / "x", b""),
        lambda: files.write_bytes(tmp_path / "none" / "x", b""),
        lambda: new_folder(tmp_path / "file" / "x").__enter__(),
    ):
        with pytest.raises(InputError, match="expected to be able to write '"):
            write()
    assert names(tmp_path) == ["file"]


@posix_only
def test_json_is_written_through_no_link(tmp_path):
    (tmp_path / "own").write_text("{}")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    with pytest.raises(InputError, match="symbolic link"):
        files.write_json(tmp_path / "link", {"a": 1})
    assert (tmp_path / "own").read_text() == "{}"


def test_one_of_several_writes_once(tmp_path):
    for number in range(3):
        files.write_json_once(tmp_path / "x.json", {"number": number})
    assert files.read_json(tmp_path / "x.json") == {"number": 0}
    assert names(tmp_path) == ["x.json"]


@pytest.mark.parametrize("content", ["", "[1]", "{", "[" * 100_000, "\ud800"])
def test_what_is_no_object_is_damaged(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(DamagedDataError, match=r"x\.json': expected a JSON object"):
        files.read_json(tmp_path / "x.json")
    assert files.readable_json(tmp_path / "x.json") == {}
    assert files.readable_json(tmp_path / "none.json") == {}


@posix_only
def test_a_lock_is_for_one_and_a_shared_one_for_several(tmp_path):
    def take(**options):
        return Lock(tmp_path / "lock").acquire(**options)

    with Lock(tmp_path / "lock") as own:
        assert own.acquire()
        assert take() is False
        assert take(is_shared=True) is False
    with Lock(tmp_path / "lock") as own:
        assert own.acquire(is_shared=True)
        assert take() is False
        assert Lock(tmp_path / "lock").acquire(is_shared=True)
    assert (tmp_path / "lock").exists()


@posix_only
def test_a_lock_is_taken_through_no_link(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="symbolic link"):
        Lock(tmp_path / "lock").acquire()
    assert names(tmp_path) == ["lock"]


@posix_only
def test_a_disk_without_locks_is_said(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.locks.fcntl, "flock", refuse)
    with Lock(tmp_path / "lock") as lock:
        assert lock.acquire() is None
    left = tmp_path / ".made.1.tmp"
    left.mkdir()
    with new_folder(tmp_path / "made"):
        assert left.exists()
    assert left.exists()


def test_the_owner_of_a_lock_can_be_read_by_those_refused(tmp_path):
    with Lock(tmp_path / "lock") as lock:
        (tmp_path / "lock").write_text("a much longer former owner")
        lock.acquire()
        lock.write(json.dumps({"pid": 1}).encode())
        assert files.read_json(tmp_path / "lock") == {"pid": 1}


def test_a_hash_is_that_of_the_file(tmp_path):
    file = files.HashedFile(tmp_path / "x")
    file.write(b"abc")
    assert file.close() == (3, files.file_hash(tmp_path / "x"))
    with pytest.raises(FileExistsError):
        files.HashedFile(tmp_path / "x")
