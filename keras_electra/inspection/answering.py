"""An inspector's answers to the requests that `workers` carries, as values of JSON."""

from collections.abc import Callable

from keras_electra.errors import InputError
from keras_electra.inspection.files import score_lines
from keras_electra.inspection.inspector import Inspector
from keras_electra.traces import Scenario
from keras_electra.traces.files import lines_of


def handlers_of(opened: Callable[[], Inspector]) -> dict[str, Callable]:
    """The questions about one model, by kind: `trace`, `candidates`, `sensitivity`, `file`, `info`.

    Args:
        opened: gives the inspector; called at each request.
    """

    def info(request):
        return facts(opened())

    def trace(request):
        inspector, scenario = opened(), scenario_in(request)
        if scenario.masking == "hardest" and inspector.networks.generator is not None:
            return looked_at(inspector, scenario)
        return inspector.trace(scenario).to_dict()

    def candidates(request):
        word, piece = request["place"]
        count = request.get("count", 10)
        return opened().candidates(scenario_in(request), (word, piece), count).to_dict()

    def sensitivity(request):
        found = []
        for done, total, places in opened().sensitivity(scenario_in(request)):
            rows = [place.to_dict() for place in places]
            found += rows
            yield done, total, rows
        return found

    def file(request):
        lines, rows = lines_of(request["path"]), []
        for done, total, best in score_lines(opened().model, lines, request.get("top", 100)):
            rows = [word.to_dict() for word in best]
            yield done, total, rows[:20]
        return rows

    handlers = (info, trace, candidates, sensitivity, file)
    return {handler.__name__: handler for handler in handlers}


def facts(inspector: Inspector) -> dict:
    """What a model is, as far as inspection asks."""
    import keras

    networks = inspector.networks
    return {
        "step": getattr(inspector.model, "step", 0),
        "num_parameters": inspector.model.count_params(),
        "backend": keras.config.backend(),
        "vocabulary_size": networks.vocabulary_size,
        "longest": networks.longest,
        "temperature": networks.temperature,
        "is_uniform": networks.is_uniform,
        "no_generator": networks.no_generator,
        "no_detector": networks.no_detector,
    }


def scenario_in(request: dict) -> Scenario:
    """The scenario of a request; `InputError` if there is none."""
    if not isinstance(request.get("scenario"), dict):
        raise InputError("scenario: expected an object with the fields of Scenario, received none")
    return Scenario.from_dict(request["scenario"])


def looked_at(inspector: Inspector, scenario: Scenario):
    """A trace for which the generator first looks at each place alone."""
    sentence = inspector.sentence(scenario)
    for done in inspector.look_alone(sentence):
        yield done, len(sentence.ids) - 2, None
    return inspector.trace(scenario).to_dict()
