"""An inspector without a model, for tests of what is shown: it draws "red", and distrusts what is new."""

import numpy as np

from keras_electra.errors import InputError
from keras_electra.tokenizer import WordPieceTokenizer
from keras_electra.traces import Candidate, Candidates, Scenario, Sentence, Trace
from keras_electra.workers import Reply

WORDS = [
    "the",
    "chef",
    "cook",
    "##ed",
    "meal",
    "for",
    "twelve",
    "guest",
    ".",
    "<",
    ">",
    "/",
    "script",
    "(",
    "1",
    ")",
    "alert",
]
LONGEST = 16
FACTS = {
    "step": 400,
    "backend": "none",
    "temperature": 1.0,
    "is_uniform": False,
    "no_generator": "",
    "no_detector": "",
    "checkpoint": "/runs/a/checkpoints/step_00000400",
    "written": 0.0,
    "checkpoints": [[200, "/runs/a/checkpoints/200"], [400, "runs/a/checkpoints/400"]],
}


class FakeInspector:
    """Answers every question of `ReplacedTokenView`.

    Args:
        **facts: what differs from `FACTS`.
    """

    def __init__(self, **facts):
        letters = [letter for c in "abcdefghijklmnopqrstuvwxyz" for letter in (c, f"##{c}")]
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        self.tokenizer = WordPieceTokenizer([*special, *WORDS, "red", *letters])
        self.facts = {**FACTS, **facts}
        self.requests = []

    def handlers(self):
        kinds = ("info", "refresh", "trace", "candidates", "sensitivity", "judge", "film", "file")
        return {kind: getattr(self, kind) for kind in kinds}

    def info(self, request):
        return self.facts

    def refresh(self, request):
        return {**self.facts, "step": 401}

    def trace(self, request):
        self.requests.append(request)
        return self.traced(Scenario.from_dict(request["scenario"])).to_dict()

    def traced(self, scenario):
        sentence = Sentence.of(scenario.text, self.tokenizer, LONGEST, dict(scenario.edits))
        kept = {(word, piece): token for word, piece, token in scenario.kept}
        if scenario.masking == "places":
            places = list(scenario.places)
        elif scenario.masking == "none" or len(sentence.ids) < 3:
            places = []
        else:
            places = [sentence.place_of(1 + scenario.seed % (len(sentence.ids) - 2))]
        placed = {sentence.position_of(*place): place for place in places}
        positions = np.array(sorted(p for p in placed if p is not None), int)
        drawn = "red" if scenario.draw == 0 else "the"
        sampled = [kept.get(placed[position], drawn) for position in positions]
        tokens = self.tokenizer.tokens_of(sentence.ids)
        shown = list(tokens)
        for position, token in zip(positions, sampled, strict=True):
            shown[position] = token
        is_replaced = sentence.is_edited | (np.array(shown) != np.array(tokens))
        probabilities = np.where(is_replaced, 0.9, 0.1).astype(np.float32)
        if self.facts["no_detector"]:
            probabilities = None
        return Trace(
            text=sentence.seen,
            tokens=tokens,
            masked_tokens=["[MASK]" if p in positions else t for p, t in enumerate(tokens)],
            mask_positions=positions,
            sampled_tokens=sampled,
            alternatives=[[("red", 0.5)] for _ in positions],
            corrupted_tokens=shown,
            is_replaced=is_replaced,
            probabilities=probabilities,
            corrupted_ids=sentence.ids,
            words=list(sentence.words),
            is_edited=sentence.is_edited,
            original_ranks=[2 for _ in positions],
            left_out=sentence.text[len(sentence.seen) :],
            num_left_out=sentence.num_left_out,
        )

    def candidates(self, request):
        place = tuple(request["place"])
        trace = self.traced(Scenario.from_dict(request["scenario"]))
        position = trace.words[place[0]].first + place[1]
        shown, original = trace.corrupted_tokens[position], trace.tokens[position]
        rows = [("red", 0.5, 1, 0.9), ("the", 0.3, 2, 0.2), (original, 0.1, 3, 0.1)]
        if shown not in [row[0] for row in rows]:
            rows.append((shown, 0.01, 40, 0.7))
        return Candidates(
            position,
            place,
            original,
            [Candidate(*row, row[0] == original, row[0] == shown) for row in rows],
        ).to_dict()

    def sensitivity(self, request):
        trace = self.traced(Scenario.from_dict(request["scenario"]))
        places = range(1, len(trace.tokens) - 1)
        for position in places:
            row = {"position": position, "guess": "red", "guess_probability": 0.5, "replaced": 0.6}
            yield position, len(places), [row]
        return [
            {"position": p, "guess": "red", "guess_probability": 0.5, "replaced": 0.6}
            for p in places
        ]

    def judge(self, request):
        trace = self.traced(Scenario.from_dict(request["scenario"]))
        if "other" in request["model"]:
            raise InputError("compare: expected a model with the same vocabulary, received other")
        return {"model": request["model"], "probabilities": [0.25] * len(trace.tokens)}

    def film(self, request):
        trace = self.traced(Scenario.from_dict(request["scenario"]))
        frames = [
            {"step": step, "model": path, "probabilities": [step / 1000] * len(trace.tokens)}
            for step, path in self.facts["checkpoints"]
        ]
        for done, frame in enumerate(frames, 1):
            yield done, len(frames), frame
        return frames

    def file(self, request):
        if request["path"].endswith("none"):
            raise InputError("file: expected a readable text file, received none")
        row = {"line": 3, "text": "the <b>chef</b>", "start": 7, "end": 11}
        row |= {"replaced": 0.8, "word": "chef"}
        yield 1, 1, [row]
        return [row]


class SyncWorker:
    """Answers at once, in the caller's thread; stands for `LocalWorker`."""

    def __init__(self, handlers):
        self.handlers, self.number, self.cancelled, self.is_closed = handlers, 0, [], False

    def request(self, kind, on_reply, view=None, **fields):
        self.number += 1
        try:
            value = self.handlers[kind]({"kind": kind, "view": view, **fields})
            while hasattr(value, "send"):
                try:
                    done, total, part = next(value)
                    on_reply(Reply("progress", part, done=done, total=total))
                except StopIteration as end:
                    value = end.value
        except Exception as error:
            on_reply(Reply("error", message=str(error)))
        else:
            on_reply(Reply("answer", value))
        return self.number

    def cancel(self, number):
        self.cancelled.append(number)

    def stderr_tail(self):
        return ["last words"]

    def close(self):
        self.is_closed = True
