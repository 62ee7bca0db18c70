"""`ReplacedTokenView` without a browser: what it does with what the browser sends, and what it leaves."""

import json
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest
from fake_inspector import FakeInspector, SyncWorker
from widget_stubs import from_browser, send_from_browser

pytest.importorskip("anywidget")

from keras_electra.errors import InputError
from keras_electra.traces import Scenario, Trace, VerdictCounts, word_verdicts
from keras_electra.traces.verdicts import verdict
from keras_electra.workers import Reply
from keras_electra_widgets import ReplacedTokenView, sources, token_html
from keras_electra_widgets.replaced_token_view import age
from keras_electra_widgets.scenario_history import ScenarioHistory
from keras_electra_widgets.token_steps import shortened

TEXT = "the chef cooked the meal for twelve guests ."
EVIL = "<script>alert(1)</script>"
HERE = pathlib.Path(__file__).parent


@pytest.fixture(autouse=True)
def at_once(comms, unthreaded, monkeypatch):
    """Every question is answered before the next line."""
    monkeypatch.setattr(sources, "LocalWorker", SyncWorker)


@pytest.fixture
def fake():
    return FakeInspector()


@pytest.fixture
def view(fake):
    made = ReplacedTokenView(fake, TEXT, masking="none")
    yield made
    made.close()


class Browser:
    """Sends what the grid's script sends."""

    def __init__(self, view):
        self.view, self.id = view, 0

    def __call__(self, kind, **fields):
        self.id += 1
        send_from_browser(self.view.grid, {"id": self.id, "kind": kind, **fields})
        assert self.view.grid.heard == self.id


@pytest.fixture
def browser(view):
    return Browser(view)


def shown(view):
    return " ".join(view.trace.corrupted_tokens[1:-1])


def test_it_begins_with_a_judged_text(view):
    assert view.state == "ready"
    assert view.head.title == "the model in this kernel"
    assert "step 400" in view.head.subtitle
    assert view.trace.text == TEXT
    assert view.grid.trace == view.trace.to_dict()
    assert view.grid.reasons == {}


def test_without_a_text_it_offers_some(fake):
    view = ReplacedTokenView(fake)
    assert view.state == "empty"
    assert len(view.grid.examples) == 3
    assert "there is no text yet" in view.tools.strip.tooltip
    Browser(view)("run", text=view.grid.examples[0])
    assert view.state == "ready"
    assert view.tools.strip.reason == ""


def test_places_are_masked_and_shown_again(view, browser):
    browser("mask", places=[[1, 0], [2, 0], [2, 1]], is_masked=True)
    assert view.grid.settings["masking"] == "places"
    assert shown(view) == "the red red red the meal for twelve guest ##s ."
    assert list(view.trace.mask_positions) == [2, 3, 4]
    browser("mask", places=[[2, 0], [2, 1]], is_masked=False)
    assert list(view.trace.mask_positions) == [2]
    browser("mask", places=[[1, 0]], is_masked=False)
    assert view.grid.settings["masking"] == "none"


def test_a_strategys_places_can_be_gone_on_with(fake):
    view = ReplacedTokenView(fake, TEXT, masking="random", seed=0)
    assert list(view.trace.mask_positions) == [1]
    Browser(view)("mask", places=[[4, 0]], is_masked=True)
    assert list(view.trace.mask_positions) == [1, 6]


def test_two_clicks_before_the_answer_are_two_masks(view, browser):
    """A slow model may not swallow what was clicked meanwhile."""
    asked = []
    view._source.request = lambda kind, on_reply, **fields: asked.append((on_reply, fields)) or 1
    browser("mask", places=[[1, 0]], is_masked=True)
    browser("mask", places=[[4, 0]], is_masked=True)
    assert view.scenario.places == ((1, 0), (4, 0))
    # An answer that is late is not shown.
    stale = Trace.to_dict(view.trace) | {"text": "stale"}
    asked[0][0](Reply("answer", stale))
    assert view.trace.text == TEXT


def test_sampling_leaves_what_is_pinned(view, browser):
    browser("mask", places=[[1, 0], [4, 0]], is_masked=True)
    browser("pin", places=[[1, 0]])
    assert view.grid.pins == [[1, 0]]
    browser("sample")
    assert view.trace.sampled_tokens == ["red", "the"]
    browser("pin", places=[[1, 0]])
    assert view.grid.pins == []
    browser("sample")
    assert view.trace.sampled_tokens == ["the", "the"]
    assert view.scenario.draw == 2


def test_settings_are_taken_and_wrong_ones_explained(view, browser):
    browser("settings", masking="random")
    browser("settings", seed=5)
    browser("settings", mask_percent=40)
    browser("settings", top_k=3)
    browser("settings", is_greedy=True)
    scenario = view.scenario
    assert (scenario.masking, scenario.seed, scenario.mask_rate) == ("random", 5, 0.4)
    assert (scenario.top_k, scenario.is_greedy) == (3, True)
    browser("settings", temperature=0)
    assert view.head.is_alert and "temperature: expected a number above 0" in view.head.sentence
    assert view.scenario == scenario
    browser("settings", temperature=2)
    assert not view.head.is_alert
    browser("dice")
    assert view.scenario.draw == 0


def test_an_edit_is_judged_at_once_and_can_be_undone(view, browser):
    browser("edit", word=2, text="boi", is_final=False)
    assert view.trace.words[2].edited == "boi"
    assert not view.grid.can_undo, "what is being typed is no state yet"
    browser("edit", word=2, text="boiled", is_final=True)
    assert view.grid.note == "you changed cooked → boiled: 0.90, caught"
    (tried,) = view.grid.tries
    assert tried["probability"] == pytest.approx(0.9)
    assert (tried["from"], tried["to"]) == ("cooked", "boiled")
    assert [one["label"] for one in view.grid.history] == ["start", "cooked → boiled"]
    browser("undo")
    assert view.trace.words[2].edited is None
    assert (view.grid.can_undo, view.grid.can_redo) == (False, True)
    browser("redo")
    assert view.trace.words[2].edited == "boiled"
    browser("go", index=0)
    assert view.trace.words[2].edited is None


def test_an_edit_that_is_given_up_changes_nothing(view, browser):
    before = view.scenario
    browser("edit", word=2, text="boiled", is_final=False)
    browser("edit", word=2, text=None, is_final=True)
    assert view.scenario == before and view.trace.words[2].edited is None
    assert view.grid.tries == []


def test_a_word_typed_as_it_was_takes_the_edit_back(view, browser):
    browser("edit", word=2, text="boiled", is_final=True)
    browser("edit", word=2, text="cooked", is_final=True)
    assert view.scenario.edits == ()
    assert view.grid.note == "“cooked” is back"
    assert len(view.grid.tries) == 1


def test_an_edit_keeps_the_draws_of_the_others(fake):
    view = ReplacedTokenView(fake, TEXT, masking="random", seed=0, draw=1)
    browser = Browser(view)
    assert view.trace.sampled_tokens == ["the"]
    browser("put", place=[0, 0], token="red")
    for text in ("s", "soup"):
        browser("edit", word=4, text=text, is_final=text == "soup")
    assert list(view.trace.mask_positions) == [1]
    assert view.trace.sampled_tokens == ["red"]
    # An edited word is no longer masked.
    browser("edit", word=0, text="a", is_final=True)
    assert list(view.trace.mask_positions) == []


def test_an_unknown_word_is_told(view, browser):
    browser("edit", word=1, text="Ω", is_final=True)
    assert "not in the vocabulary, seen as [UNK]" in view.grid.note


def test_candidates_are_listed_and_put_in(view, browser):
    browser("look", place=[1, 0])
    assert view.grid.candidates["original"] == "chef"
    best = view.grid.candidates["rows"][view.grid.candidates["best"]]
    assert best["token"] == "the"
    browser("put", place=[1, 0], token="the")
    assert view.trace.sampled_tokens == ["the"]
    assert [row["token"] for row in view.grid.candidates["rows"] if row["is_shown"]] == ["the"]
    assert view.scenario.kept == ((1, 0, "the"),)


def test_a_place_that_went_away_is_not_looked_at(view, browser):
    browser("look", place=[7, 1])
    browser("edit", word=7, text="the", is_final=True)
    assert view.state == "ready"
    browser("look", place=[99, 0])
    assert view.state == "ready"


def test_the_game_ranks_what_was_tried(view, browser):
    view.tools.fool.click()
    assert view.grid.game
    browser("edit", word=4, text="x", is_final=True)
    # The rank comes with the candidates that are looked at after an edit.
    assert view.grid.tries[0]["rank"] == 3
    view.tools.fool.click()
    assert not view.grid.game


def test_typing_a_text_is_one_state(view, browser):
    for text in ("t", "th", "the meal"):
        browser("run", text=text)
    assert [one["label"] for one in view.grid.history] == ["start", "text: the meal"]
    assert view.trace.text == "the meal"
    browser("run", text="")
    assert view.state == "empty"


def test_a_long_text_is_cut_and_said_so(fake):
    view = ReplacedTokenView(fake, "the chef cooked " * 6, masking="none")
    assert view.trace.num_left_out == 24 - 14
    page = "".join(view.static_parts())
    assert "first 14 of 24 pieces are seen" in page


def test_the_strip_and_the_film_come_in_parts(view, comms):
    comms.clear()
    view.sensitivity()
    sizes = [
        len(state["strip"]["places"]) for state in comms.updates(view.grid) if "strip" in state
    ]
    assert sizes[0] == 1 and sizes[-1] == 11
    assert view.grid.job is None
    view.film()
    assert [frame["step"] for frame in view.grid.film["frames"]] == [200, 400]
    # They are about the tokens shown.
    view.edit(1, "meal")
    assert view.grid.strip is None and view.grid.film is None


def test_two_checkpoints_side_by_side(view):
    path = view.tools.others.options[1][1]
    from_browser(view.tools.others, index=1)
    assert view.grid.compare["name"] == "step 200"
    view.edit(1, "meal")
    assert len(view.grid.compare["probabilities"]) == len(view.trace.tokens)
    view.compare_with("runs/other")
    assert "same vocabulary" in view.head.sentence
    view.compare_with(None)
    assert view.grid.compare is None
    assert path == "/runs/a/checkpoints/200"


def test_what_a_script_asks_waits_for_the_first_trace(fake, monkeypatch):
    held = []

    class Held(SyncWorker):
        def request(self, kind, on_reply, view=None, **fields):
            held.append(lambda: SyncWorker.request(self, kind, on_reply, view, **fields))
            return len(held)

    monkeypatch.setattr(sources, "LocalWorker", Held)
    view = ReplacedTokenView(fake, TEXT, masking="none")
    view.edit(2, "boiled")
    view.film()
    while held:
        held.pop(0)()
    assert view.wait(0)
    assert view.trace.words[2].edited == "boiled"
    assert not view.head.is_alert


def test_a_file_is_scored(view):
    assert view.tools.score.reason == "no file is named"
    view.tools.file.value = "texts.txt"
    view.tools.score.click()
    assert view.suspects.rows[0]["word"] == "chef"
    assert view.suspects.title == "Most suspicious words in texts.txt"
    send_from_browser(view.suspects, {"kind": "line", "text": "the meal"})
    assert view.trace.text == "the meal"
    view.score_file("none")
    assert view.head.is_alert and "expected a readable text file" in view.head.sentence
    assert view.grid.job is None


def test_refresh_takes_newer_weights(view):
    view.tools.renew.click()
    assert "step 401" in view.head.subtitle


@pytest.mark.parametrize(
    ("facts", "off", "on"),
    [
        (
            {"no_generator": "it is a discriminator alone"},
            {"mask", "sample", "draw", "candidates", "strip", "hardest"},
            {"edit", "film", "game"},
        ),
        (
            {"no_generator": "its training drew tokens uniformly", "is_uniform": True},
            {"draw", "candidates", "strip", "hardest"},
            {"mask", "sample", "edit"},
        ),
        (
            {"no_detector": "its objective is 'mlm'"},
            {"strip", "film", "compare", "file", "game"},
            {"mask", "sample", "candidates"},
        ),
        ({"checkpoints": []}, {"film", "refresh"}, {"mask", "strip"}),
    ],
    ids=["no generator", "uniform", "no detector", "preset"],
)
def test_what_is_off_says_why(facts, off, on):
    view = ReplacedTokenView(FakeInspector(**facts), TEXT)
    reasons = view.grid.reasons
    assert off <= set(reasons) and not on & set(reasons)
    why = next(iter(value for name, value in facts.items() if name.startswith("no_")), "")
    assert all(why in reasons[name] for name in off if name not in ("film", "refresh"))
    assert view.state == "ready"
    if "mask" in off:
        assert view.scenario.masking == "none"
    if "no_detector" in facts:
        assert "off: there is no discriminator" in view.tools.film.tooltip
        assert view.trace.probabilities is None
        view.edit(1, "meal")
        assert view.grid.note == "you changed chef → meal"


def test_a_plain_function_serves_as_far_as_it_goes(fake):
    calls = []

    def fixed(texts, seed=0):
        calls.append(texts)
        return [fake.traced(Scenario(text=text, seed=seed)) for text in texts]

    view = ReplacedTokenView(fixed, TEXT)
    assert view.head.title == "fixed"
    assert calls[-1] == [TEXT]
    assert view.trace.text == TEXT
    assert "the function takes no option 'edits'" in view.grid.reasons["edit"]
    assert {"mask", "sample", "draw", "candidates", "film"} <= set(view.grid.reasons)

    def whole(texts, **options):
        return [fake.traced(Scenario(text=text, **options)).to_dict() for text in texts]

    view = ReplacedTokenView(whole, TEXT)
    assert not {"mask", "edit", "sample"} & set(view.grid.reasons)
    view.edit(1, "meal")
    assert view.grid.note.endswith("caught")
    view = ReplacedTokenView(lambda texts: [], TEXT)
    assert "expected a list of one trace" in view.head.sentence


def test_wrong_arguments_are_explained(fake, tmp_path):
    with pytest.raises(TypeError, match=r"received 'sed'; did you mean 'seed'\?"):
        ReplacedTokenView(fake, TEXT, sed=1)
    with pytest.raises(InputError, match="model: expected a folder, an Inspector"):
        ReplacedTokenView(3, TEXT)
    with pytest.raises(InputError, match="model: expected a folder, received"):
        ReplacedTokenView(tmp_path / "none", TEXT)


def test_errors_stand_in_the_strip_with_the_last_words(view, fake, browser):
    def broken(request):
        raise InputError("something was expected, something else received")

    view._source.handlers = {**fake.handlers(), "trace": broken}
    browser("sample")
    assert view.state == "error" and view.head.is_alert
    assert view.head.sentence == "something was expected, something else received"
    assert "last words" in view.head.details
    view._source.handlers = fake.handlers()
    browser("sample")
    assert view.state == "ready" and not view.head.is_alert
    send_from_browser(view.grid, {"id": 99, "kind": "nonsense"})
    assert "expected one that the grid sends" in view.head.sentence


def test_the_code_gives_what_is_shown(view, browser, fake):
    browser("edit", word=2, text="boiled", is_final=True)
    browser("mask", places=[[4, 0]], is_masked=True)
    from_browser(view.grid, threshold=0.3)
    code = view.code()
    calls = []

    class Recorder:
        @staticmethod
        def Inspector(model):
            return Recorder

        @staticmethod
        def trace(text, **options):
            calls.append(Scenario(text=text, **options))
            return fake.traced(calls[-1])

    lines = code.split("# The same in a script:\n")[1].replace("import keras_electra as ke\n", "")
    exec(lines, {"ke": Recorder, "model": None, "print": lambda text: calls.append(text)})
    assert calls[0] == view.scenario
    assert calls[1] == view.as_text().splitlines()[-1]


def test_the_threshold_is_the_browsers(view, comms):
    comms.clear()
    view.edit(1, "meal")
    from_browser(view.grid, threshold=0.95)
    assert "missed" in view.as_text()
    assert view.grid.threshold == 0.95


def test_trials_are_recorded_where_a_folder_is_given(fake, tmp_path):
    view = ReplacedTokenView(fake, TEXT, masking="none", records=tmp_path / "kept")
    browser = Browser(view)
    browser("edit", word=1, text="m", is_final=False)
    browser("edit", word=1, text="meal", is_final=True)
    browser("put", place=[4, 0], token="red")
    rows = [
        json.loads(line) for line in (tmp_path / "kept" / "trials.jsonl").read_text().splitlines()
    ]
    assert len(rows) == 2
    assert rows[1]["tokens"][6] == "red"
    assert Scenario.from_dict(rows[1]["scenario"]) == view.scenario


def test_closing_ends_the_source(fake):
    view = ReplacedTokenView(fake, TEXT)
    view.close()
    assert view._source.is_closed


# What stays without a kernel


def test_the_static_copy_tells_all_of_it(view, browser, tmp_path):
    browser("edit", word=1, text="meal", is_final=True)
    browser("mask", places=[[4, 0]], is_masked=True)
    view.film()
    view.sensitivity()
    page = view.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    for told in ("✎ <mark>meal</mark>", "[<mark>red</mark>]", "✓ caught", "caught 2 of 2"):
        assert told in page
    for told in ("Replaced, %, by checkpoint", "If only this token were replaced", "In place of"):
        assert told in page
    assert "<script" not in page and "http" not in page
    assert view.as_text().splitlines()[-1] == (
        "the [meal 0.90 caught] cooked the [red 0.90 caught] for twelve guests ."
    )


def test_text_stays_text_everywhere(fake, tmp_path):
    view = ReplacedTokenView(fake, f"the {EVIL} meal", masking="none")
    browser = Browser(view)
    browser("edit", word=0, text=EVIL, is_final=True)
    view.score_file(EVIL)
    page = view.to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>chef" not in page
    assert "&lt;script&gt;" in page
    # The brackets are words of their own, and each is escaped.
    assert re.search(r"<(?![a-z/!])", page) is None
    assert len(view.trace.words) > 5


def test_an_empty_view_has_a_page_too(fake, tmp_path):
    page = ReplacedTokenView(fake).to_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "empty" in page


def test_the_ramp_keeps_text_readable():
    """The ground of `token_html` and `tokens.css`: up to 60 % of vermilion over the page's colour."""

    def luminance(colour):
        parts = np.array(colour) / 255
        linear = np.where(parts <= 0.03928, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    vermilion = np.array([213, 94, 0])
    for ground, text in ((255, 0x1A), (0x11, 0xF0)):
        former = None
        for step in range(0, 101, 5):
            share = 0.6 * step / 100
            colour = share * vermilion + (1 - share) * np.full(3, ground)
            low, high = sorted([luminance(colour), luminance([text] * 3)])
            assert (high + 0.05) / (low + 0.05) >= 4.5
            assert former is None or (luminance(colour) < former) == (ground == 255)
            former = luminance(colour)
    assert "0.54" in token_html._ground(0.9)


def test_messages_stay_few_and_small(view, browser, comms):
    comms.clear()
    browser("edit", word=1, text="meal", is_final=True)
    assert len(comms) <= 12
    assert comms.num_bytes < 40_000


# Parts


def test_history_forgets_what_was_undone():
    history = ScenarioHistory([("start", Scenario(text="a"))])
    history.go_on("b", Scenario(text="b"))
    history.go_on("c", Scenario(text="c"))
    history.go(1)
    history.go_on("d", Scenario(text="d"))
    assert [label for label, _ in history.states] == ["start", "b", "d"]
    history.go_on("again", Scenario(text="d"))
    assert len(history.states) == 3
    history.go(-5)
    assert history.now == 0
    history.go_on("e", Scenario(text="e"), replaces=True)
    assert [label for label, _ in history.states] == ["start", "e"]


def test_words_for_short():
    assert age(3) == "under 1 min" and age(7300) == "2 h" and age(200_000) == "2 d"
    assert shortened("a  b") == "a b" and len(shortened("x" * 99)) == 28


def test_javascript_and_python_agree(fake, tmp_path):
    """The same verdicts and counts in the browser and here."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    cases = [
        (bool(r), bool(m), p, t)
        for r in (0, 1)
        for m in (0, 1)
        for p in (0.0, 0.3, 0.5, 0.9)
        for t in (0.0, 0.5, 0.9)
    ]
    scenario = Scenario(
        text=TEXT, masking="places", places=[(2, 1), (3, 0)], kept=[(3, 0, "the")], edits={4: "pie"}
    )
    trace = fake.traced(scenario)
    program = tmp_path / "agree.mjs"
    source = (HERE.parent / "widgets/keras_electra_widgets/static/tokens.js").as_posix()
    program.write_text(
        "import fs from 'node:fs';\n"
        f"const source = fs.readFileSync({source!r}, 'utf8');\n"
        "const found = await import('data:text/javascript,' + encodeURIComponent(source));\n"
        f"const cases = {json.dumps(cases)}, trace = {json.dumps(trace.to_dict())};\n"
        "const words = found.columnsOf(trace, false);\n"
        "console.log(JSON.stringify({verdicts: cases.map((one) => found.verdict(...one)),\n"
        "  counts: found.countsOf(words, 0.5), shown: words.map((one) => one.shown)}));\n"
    )
    done = subprocess.run(["node", str(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["verdicts"] == [verdict(*case) for case in cases]
    counts = VerdictCounts.of(word_verdicts(trace))
    assert answer["counts"]["caught"] == counts.caught
    assert answer["counts"]["lucky"] == counts.lucky == 1
    shown = [re.sub(r" .*", "", part) for part in answer["shown"]]
    assert shown[2:5] == ["cookred", "the", "pie"] or shown[2:5] == ["cook·red", "the", "pie"]


def test_traces_from_json_are_shown(view):
    assert Trace.from_dict(view.grid.trace).tokens == view.trace.tokens
