"""What the server answers: `/detect`, `/predict`, `/healthz`, and perhaps a web page."""

import contextlib

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from keras_electra.config.serving import ServeConfig
from keras_electra.files import to_json
from keras_electra.serving.batching import Batcher
from keras_electra.serving.judge import Judge
from keras_electra.serving.requests import RequestError, read_inputs

SECONDS_TO_WAIT = "1"
"""After which a client that was sent away may ask again."""


def application(judge: Judge, config: ServeConfig, web=None) -> Starlette:
    """The application around a model.

        POST /detect    {"texts": [...]} -> {"detections": [...]}, of a pretrained model
        POST /predict   {"inputs": [...]} -> {"predictions": [...]}, of a task model
        GET /healthz    {"status": "ok", "waiting": texts, and what `judge.about` says}
        GET /           the folder `web`, if there is one

    What cannot be answered gets {"error": sentence} and a status of 4xx or 503.

    Args:
        judge: answers.
        config: limits and batching.
        web: folder of static files, or None.
    """
    batcher = Batcher(judge.answers, config)

    def answering(name, result):
        async def answer(request):
            inputs = await read_inputs(request, name, judge.kind, config)
            return as_json({result: await batcher.answers(inputs)})

        return answer

    async def health(request):
        return as_json({"status": "ok", "waiting": batcher.num_waiting, **judge.about})

    @contextlib.asynccontextmanager
    async def lifespan(app):
        batcher.start()
        yield
        await batcher.close()

    is_detector = judge.kind == "detection"
    own, other = ("/detect", "/predict") if is_detector else ("/predict", "/detect")
    names = ("texts", "detections") if is_detector else ("inputs", "predictions")

    async def refuse(request):
        model = "a pretrained model" if is_detector else f"a model for {judge.kind}"
        raise RequestError(404, f"{other}: this server has {model}; ask {own}")

    routes = [
        Route(own, answering(*names), methods=["POST"]),
        Route(other, refuse, methods=["POST"]),
        Route("/healthz", health, methods=["GET"]),
    ]
    if web is not None:
        routes.append(Mount("/", StaticFiles(directory=web, html=True)))
    handlers = {
        RequestError: lambda request, error: failed(error.status, error.sentence),
        HTTPException: refused,
        ClientDisconnect: lambda request, error: failed(400, "body: expected all of it"),
        Exception: lambda request, error: failed(500, "server: the model failed; see its log"),
    }
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


def refused(request, error: HTTPException) -> Response:
    """The answer to a path or method that there is not."""
    sentence = {
        404: f"{request.url.path}: expected /detect, /predict or /healthz",
        405: f"{request.url.path}: expected another method, received {request.method}",
    }.get(error.status_code, error.detail)
    return failed(error.status_code, sentence, error.headers)


def failed(status: int, sentence: str, headers=None) -> Response:
    """An error as JSON."""
    headers = dict(headers or {})
    if status == 503:
        headers["Retry-After"] = SECONDS_TO_WAIT
    if status in (408, 413):
        # What is left of the body will not be read.
        headers["Connection"] = "close"
    return as_json({"error": sentence}, status, headers)


def as_json(value, status: int = 200, headers=None) -> Response:
    return Response(to_json(value), status, headers, media_type="application/json")
