"""The folder beside a store in the making: settings, units, and the parts that are done.

STORE.preparing/settings.json            what the parts were made with
STORE.preparing/units.json               what was to be read
STORE.preparing/parts/000012/000000.part a part of unit 12
STORE.preparing/parts/000012/done.json   says that unit 12 has all its parts

There is no journal: a part that exists is whole, and a unit with `done.json` is done.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import Iterator

from keras_electra.corpus import Problems, Unit
from keras_electra.errors import DamagedDataError, InputError
from keras_electra.files import (
    UNWRITABLE,
    Lock,
    plain,
    read_json,
    refuse_links_in,
    remove_temporary,
    target_of,
    write_json,
    write_json_once,
    writing,
)

SUFFIX = ".preparing"
DONE_FILE, LOCK_FILE, UNITS_FILE = "done.json", "lock", "units.json"


def working_path(out: pathlib.Path) -> pathlib.Path:
    """The working folder of a store."""
    out = pathlib.Path(os.path.abspath(out))
    return target_of(out.with_name(out.name + SUFFIX))


@dataclasses.dataclass(frozen=True)
class WorkingFolder:
    """The files of a store in the making."""

    path: pathlib.Path

    def unit_folder(self, index: int) -> pathlib.Path:
        """Where the parts of a unit are."""
        return self.path / "parts" / f"{index:06d}"

    def part(self, index: int, number: int) -> pathlib.Path:
        """The path of a part."""
        return self.unit_folder(index) / f"{number:06d}.part"

    def start_unit(self, index: int) -> None:
        """Make the folder of a unit, and clear away what a killed process was writing there."""
        folder = self.unit_folder(index)
        with writing(folder, UNWRITABLE):
            folder.mkdir(parents=True, exist_ok=True)
            remove_temporary(folder)

    def finish_unit(self, index: int, num_parts: int, problems: Problems) -> None:
        """Record that a unit has all its parts."""
        write_json(
            self.unit_folder(index) / DONE_FILE,
            {"num_parts": num_parts, "problems": problems.to_dict()},
        )

    def is_done(self, index: int) -> bool:
        """Whether a unit has all its parts."""
        return (self.unit_folder(index) / DONE_FILE).is_file()

    def parts_of(self, index: int) -> list[pathlib.Path]:
        """The parts of a unit that is done.

        Raises:
            DamagedDataError: if one is missing.
        """
        paths = [self.part(index, number) for number in range(self._done(index)["num_parts"])]
        for path in paths:
            if not path.is_file():
                raise DamagedDataError(
                    f"{path} is missing: remove {path.with_name(DONE_FILE)} and prepare again"
                )
        return paths

    def problems_of(self, index: int) -> Problems:
        """What the reader of a unit met."""
        return Problems.from_dict(self._done(index)["problems"])

    def _done(self, index: int) -> dict:
        return read_json(self.unit_folder(index) / DONE_FILE)

    def begin(self, settings: dict, units: list[Unit], is_shared: bool) -> None:
        """Record what is prepared and how, or compare it with what was recorded.

        Args:
            settings: JSON-ready.
            units: all, not only those of one task.
            is_shared: whether others may be about to make parts; if not, a folder without any part
                is begun anew.

        Raises:
            InputError: naming the first setting or file that differs.
        """
        with writing(self.path, UNWRITABLE):
            self.path.mkdir(parents=True, exist_ok=True)
        if not is_shared and not self.has_parts():
            for file in self.path.glob("*.json"):
                file.unlink()
            shutil.rmtree(self.path / "parts", ignore_errors=True)
        listed = [unit.to_dict() for unit in units]
        write_json_once(self.path / UNITS_FILE, {"units": listed})
        write_json_once(self.path / "settings.json", settings)
        begun = f"{self.path} was begun with"
        ending = f"; use the same, or remove {self.path} to begin anew"
        if difference := first_difference(read_json(self.path / "settings.json"), settings):
            raise InputError(f"{begun} {difference}{ending}")
        before = read_json(self.path / UNITS_FILE)["units"]
        if difference := changed_unit(before, plain(listed)):
            raise InputError(f"{begun} other text: {difference}{ending}")

    def has_parts(self) -> bool:
        """Whether there is anything worth keeping."""
        return any(self.all_parts())

    def all_parts(self) -> Iterator[pathlib.Path]:
        """The parts that are there, of any unit."""
        return self.path.glob("parts/*/*.part")

    def refuse_others_files(self) -> None:
        """Raise `InputError` if the folder, or the one that it is a link to, holds other things."""
        names = sorted(os.listdir(self.path)) if self.path.is_dir() else []
        if names and not {LOCK_FILE, UNITS_FILE} & set(names):
            raise InputError(
                f"{self.path}: expected an empty folder or a store in the making, received "
                f"{names[0]!r}; it is removed at the end, so move what is yours elsewhere"
            )

    def remove(self) -> None:
        """Delete it all; what is in it must be its own."""
        self.refuse_others_files()
        shutil.rmtree(self.path, ignore_errors=True)

    @contextlib.contextmanager
    def held(self, is_shared: bool) -> Iterator[None]:
        """Keep others out of the folder during the block; those that share let each other in.

        A block that fails before it made a part leaves no folder, unless others share it.

        Raises:
            InputError: if somebody else holds it.
        """
        with writing(self.path, UNWRITABLE):
            self.path.mkdir(parents=True, exist_ok=True)
        refuse_links_in(self.path)
        self.refuse_others_files()
        with Lock(self.path / LOCK_FILE) as lock:
            with writing(self.path):
                is_free = lock.acquire(is_shared) is not False
            if not is_free:
                raise InputError(
                    f"{self.path} is in use: expected no other process at work there, wait until it "
                    "has ended"
                )
            try:
                yield
            except BaseException:
                if not is_shared and not self.has_parts():
                    self.remove()
                raise


def first_difference(before: dict, now: dict, prefix: str = "") -> str:
    """What differs between two sets of settings, in words; "" if nothing does."""
    now = plain(now)
    for name in [*before, *(name for name in now if name not in before)]:
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            if difference := first_difference(old, new):
                return difference
        elif old != new:
            return f"{name}={short(old)}, received {short(new)}"
    return ""


def short(value) -> str:
    """A value in at most 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def changed_unit(before: list[dict], now: list[dict]) -> str:
    """Which file differs between two lists of units, in words; "" if none does."""
    for old, new in zip(before, now, strict=False):
        if old["paths"] != new["paths"]:
            gone = [path for path in old["paths"] if path not in new["paths"]]
            return f"{gone[0]} is not there now" if gone else f"{new['paths'][-1]} is new"
        if old != new:
            names = (
                old["paths"][0] if len(old["paths"]) == 1 else f"one of {Unit.from_dict(old).name}"
            )
            return f"{names} was changed since"
    if len(before) > len(now):
        return f"{before[len(now)]['paths'][0]} is not there now"
    return f"{now[len(before)]['paths'][0]} is new" if len(now) > len(before) else ""
