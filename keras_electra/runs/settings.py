"""Whether a run may be resumed with the settings given now."""

from collections.abc import Collection

from keras_electra.errors import InputError

ABSENT = object()


def flattened(settings: dict, prefix: str = "") -> dict:
    """Nested settings by dotted name: `{"a": {"b": 1}}` becomes `{"a.b": 1}`."""
    flat = {}
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            flat.update(flattened(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def completed(settings: dict, defaults: dict) -> dict:
    """Nested settings, with the defaults of what they lack.

    `completed({"a": {"b": 1}}, {"a": {"b": 0, "c": 0}})` is `{"a": {"b": 1, "c": 0}}`.
    """
    found = dict(defaults)
    for name, value in settings.items():
        default = defaults.get(name)
        are_nested = isinstance(value, dict) and isinstance(default, dict)
        found[name] = completed(value, default) if are_nested else value
    return found


def differences(old: dict, new: dict) -> dict[str, tuple]:
    """Dotted name to (old, new) wherever two settings differ; `ABSENT` where one has none."""
    old, new = flattened(old), flattened(new)
    names = [*old, *(name for name in new if name not in old)]
    pairs = {name: (old.get(name, ABSENT), new.get(name, ABSENT)) for name in names}
    return {name: pair for name, pair in pairs.items() if not _same(*pair)}


def allowed_changes(
    path, old: dict, new: dict, may_change: Collection[str], may_grow: Collection[str]
) -> dict[str, tuple]:
    """What differs between the settings of a run and those given now, if all of it may.

    Args:
        path: the run folder, for the sentence.
        old, new: nested settings in the types of JSON.
        may_change: dotted names of options that may take any value.
        may_grow: dotted names of numbers that may become larger.

    Raises:
        InputError: naming every option that may not change, with both values.
    """
    changes = differences(old, new)
    refused = [
        _sentence(name, pair, grows=name in may_grow)
        for name, pair in changes.items()
        if name not in may_change and not (name in may_grow and _grew(*pair))
    ]
    if refused:
        raise InputError(f"run {str(path)!r} was started with other settings: {'; '.join(refused)}")
    return changes


def check_vocabulary(path, old: bytes, new: bytes) -> None:
    """Raise `InputError` unless both vocabularies have the same bytes."""
    if old == new:
        return
    old_lines, new_lines = old.splitlines(), new.splitlines()
    pairs = enumerate(zip(old_lines, new_lines, strict=False), 1)
    end = min(len(old_lines), len(new_lines)) + 1
    line_number = next((i for i, (first, second) in pairs if first != second), end)
    raise InputError(
        f"vocabulary: expected the one in {str(path)!r} with {len(old_lines)} entries, received "
        f"another with {len(new_lines)}, different from line {line_number} on"
    )


def _same(old, new) -> bool:
    # True == 1 in Python, but a switch is not a number.
    return old == new and isinstance(old, bool) == isinstance(new, bool)


def _grew(old, new) -> bool:
    numbers = all(isinstance(value, (int, float)) for value in (old, new))
    return numbers and new >= old


def _sentence(name: str, pair: tuple, grows: bool) -> str:
    old, new = ("absent" if value is ABSENT else repr(value) for value in pair)
    return f"{name} is {old} there and {new} here{' (it may only grow)' if grows else ''}"
