"""Tags of spans as data sets write them, and as the scorer reads them: `U-PER`, `b-per`, `PER-B`, `0`."""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

OUTSIDE = ("O", "o", "0")
"""What stands at a word outside of spans; the last is a slip of the pen."""
PREFIX = {**{one: one for one in "BIES"}, "L": "E", "U": "S", "M": "I", "W": "S"}
"""Letter of any scheme -> that of BIOES."""
SCHEMES = {"BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}
"""Name of a scheme -> its letters besides O; BIO and IOB1 are parts of BIOES."""
SPAN_TAG = re.compile(r"O|[BIES]-.+")
LETTER = "(?P<letter>[BIESLUMW])"
PATTERNS = {
    sign: re.compile(pattern, re.IGNORECASE)
    for sign, pattern in {
        "B-type": f"{LETTER}-(?P<type>.+)",
        "B_type": f"{LETTER}_(?P<type>.+)",
        "type-B": f"(?P<type>.+)-{LETTER}",
        "type_B": f"(?P<type>.+)_{LETTER}",
        "B": LETTER,
    }.items()
}


class TagForm(NamedTuple):
    """How a file writes the tags of spans: `pattern` is a key of `PATTERNS`."""

    pattern: str

    def read(self, tag: str) -> str | None:
        """The tag in BIO or BIOES, None where it is of another form: "S-PER" of "U-PER"."""
        if tag in OUTSIDE:
            return "O"
        found = PATTERNS[self.pattern].fullmatch(tag)
        if found is None:
            return None
        parts = found.groupdict()
        letter = PREFIX[parts["letter"].upper()]
        return f"{letter}-{parts['type']}" if "type" in parts else letter


def form_of_tags(tags: Collection[str]) -> TagForm | None:
    """The form that all of these tags have, None if they mark no spans.

    `form_of_tags({"O", "B-PER", "L-PER", "U-LOC"})` is `TagForm("B-type")`.
    """
    inside = [tag for tag in tags if tag not in OUTSIDE]
    for name, pattern in PATTERNS.items():
        found = [pattern.fullmatch(tag) for tag in inside]
        if found and all(found) and is_scheme({one["letter"].upper() for one in found}, name):
            return TagForm(name)
    return None


def is_scheme(letters: set[str], pattern: str) -> bool:
    """Whether letters are those of one scheme; away from the usual place one has to begin a span."""
    is_usual = pattern == "B-type" or bool(letters & {"B", "I"})
    return is_usual and any(letters <= set(known) for known in SCHEMES.values())


def sentence_on_tags(tags: Iterable[str], form: TagForm | None) -> str | None:
    """What the user should know about tags: how they are read, or that they mark no spans.

    Nothing is said of BIO and BIOES, or of tags that do not look like spans, as parts of speech.
    """
    tags = sorted(tags)
    if form is not None:
        other = [(tag, form.read(tag)) for tag in tags if form.read(tag) != tag]
        shown = ", ".join(f"{tag!r} as {read!r}" for tag, read in other[:3])
        more = ", ..." if len(other) > 3 else ""
        return f"tags are read and predicted in BIOES: {shown}{more}" if other else None
    patterns = list(PATTERNS.values())[:-1]
    marked = max(([tag for tag in tags if one.fullmatch(tag)] for one in patterns), key=len)
    has_outside = any(tag in OUTSIDE or tag == "*" for tag in tags)
    if not has_outside and 2 * len(marked) <= len(tags):
        return None
    odd = [tag for tag in tags if tag not in (*marked, *OUTSIDE)] or marked or tags
    shown = ", ".join(map(repr, odd[:5])) + (", ..." if len(odd) > 5 else "")
    return (
        f"tags such as {shown} mark no spans in BIO, {', '.join(SCHEMES)}, so that only the "
        "accuracy of the tokens is measured"
    )
