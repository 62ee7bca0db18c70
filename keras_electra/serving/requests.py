"""Reading a request: its body as the texts that a model is asked about, or why not."""

import asyncio
import json

from keras_electra.config.serving import ServeConfig
from keras_electra.tasks.kinds import kind_of


class RequestError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: of HTTP.
        sentence: what was expected and received.
    """

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


async def read_inputs(request, name: str, kind: str, config: ServeConfig) -> list:
    """The texts of a request, in the form that `predict` or `detect` takes.

    Args:
        request: of Starlette; its body is JSON, {`name`: [text, ...]}.
        name: "texts" or "inputs".
        kind: of the model: "detection", or a task's.
        config: the limits.

    Raises:
        RequestError: 408 for a body that does not come, 413 for one that is too large, 422 for one that
            says something else than expected.
    """
    body = await read_body(request, config)
    try:
        value = json.loads(body)
    # Brackets inside each other without end are no syntax error, but the end of the stack.
    except (ValueError, RecursionError) as error:
        raise RequestError(422, f"body: expected JSON ({error})") from error
    if not isinstance(value, dict) or set(value) != {name} or not isinstance(value[name], list):
        raise RequestError(
            422, f"body: expected an object with the list {name}, received {shown(value)}"
        )
    inputs = value[name]
    if not 1 <= len(inputs) <= config.max_texts:
        raise RequestError(
            422, f"{name}: expected 1 to {config.max_texts} texts, received {len(inputs)}"
        )
    return [
        checked_input(f"{name}[{number}]", item, kind, config) for number, item in enumerate(inputs)
    ]


async def read_body(request, config: ServeConfig) -> bytes:
    """The body, if it is small enough and comes in time."""
    limit = config.max_body_bytes
    too_large = RequestError(413, f"body: expected at most {limit} bytes, received more")
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(config.body_seconds):
            async for part in request.stream():
                body += part
                if len(body) > limit:
                    raise too_large
    except TimeoutError as error:
        raise RequestError(
            408, f"body: expected all of it within {config.body_seconds:g} s, received a part"
        ) from error
    return bytes(body)


def checked_input(where: str, item, kind: str, config: ServeConfig):
    """One text, after a look at its form and size."""
    is_detector = kind == "detection"
    parts = [item] if is_detector else kind_of(kind).parts_of(item)
    if parts is None or not all(isinstance(part, str) for part in parts):
        expected = "a string" if is_detector else kind_of(kind).item
        raise RequestError(422, f"{where}: expected {expected}, received {shown(item)}")
    num_characters = sum(map(len, parts))
    if num_characters > config.max_characters:
        raise RequestError(
            422,
            f"{where}: expected at most {config.max_characters} characters, "
            f"received {num_characters}",
        )
    if not all(is_unicode(part) for part in parts):
        raise RequestError(422, f"{where}: expected text, received a half of a surrogate pair")
    return item


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8; JSON may hold lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value) -> str:
    """A value as it stands in a sentence, cut."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
