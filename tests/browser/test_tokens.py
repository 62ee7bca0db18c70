"""The token grid alone in a page: what it shows, what every key sends, and whether all can read it."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from fake_inspector import FakeInspector

from browser.lab import expect
from keras_electra.traces import Scenario

WIDGETS = pathlib.Path(__file__).parents[2] / "widgets" / "keras_electra_widgets" / "static"
TEXT = "the chef cooked the meal for twelve guests ."
EVIL = "<script>alert(1)</script>"
SETTINGS = {"masking": "places", "mask_rate": 0.15, "seed": 7, "temperature": 1.0, "top_k": None}
SETTINGS |= {"is_greedy": False, "draw": 0}


def state_of(text=TEXT, **options):
    """The traits that Python would set for a scenario."""
    fake = FakeInspector()
    scenario = Scenario(text=text, **{"masking": "places", **options})
    trace = fake.traced(scenario).to_dict() if text else None
    return {
        "trace": trace,
        "settings": {**SETTINGS, "text": text, "masking": scenario.masking},
        "threshold": 0.5,
        "reasons": {},
        "pins": [],
        "candidates": None,
        "strip": None,
        "compare": None,
        "film": None,
        "tries": [],
        "game": False,
        "history": [{"label": "start", "is_now": True}],
        "can_undo": True,
        "can_redo": False,
        "job": None,
        "note": "",
        "examples": ["the chef .", "the meal .", "twelve guests ."],
        "heard": 0,
    }


def full_state():
    """Everything at once."""
    scenario = {"places": [(1, 0), (4, 0)], "kept": [(4, 0, "meal")], "edits": {2: "boiled"}}
    state = state_of(**scenario)
    fake = FakeInspector()
    request = {"scenario": Scenario(text=TEXT, masking="places", **scenario).to_dict()}
    state["candidates"] = fake.candidates({**request, "place": [1, 0]})
    state["strip"] = {"places": next(fake.sensitivity(request))[2]}
    state["film"] = {"frames": [frame for _, _, frame in fake.film(request)]}
    state["compare"] = {"name": "step 200", "probabilities": [0.25] * len(state["trace"]["tokens"])}
    state["game"] = True
    state["tries"] = [{"from": "cooked", "to": "boiled", "probability": 0.4, "rank": 12}]
    state["job"] = {"name": "one at a time", "done": 3, "total": 9}
    state["pins"] = [[1, 0]]
    state["note"] = "you changed cooked → boiled: 0.90, caught"
    return state


@pytest.fixture
def show(bare, tmp_path):
    """A function: the grid with a state."""
    css = tmp_path / "tokens.css"
    css.write_text("".join((WIDGETS / f"{name}.css").read_text() for name in ("theme", "tokens")))

    def opened(state=None, is_dark=False):
        return bare("tokens.js", css, state_of() if state is None else state, is_dark)

    return opened


def kinds(grid):
    return [message["kind"] for message in grid.sent()]


def last(grid, kind):
    """The last message of a kind, once it is there."""
    grid.page.wait_for_function(
        "(kind) => window.model.sent.some((one) => one.kind === kind)", arg=kind
    )
    return [message for message in grid.sent() if message["kind"] == kind][-1]


def column(grid, index):
    return grid.root.locator(".ke-column").nth(index)


def focus(grid, index):
    column(grid, index).focus()


def test_rows_show_what_happened(show):
    grid = show(state_of(places=[(1, 0)], edits={2: "boiled"}))
    cells = grid.root.get_by_role("gridcell")
    expect(cells).to_have_count(9)
    assert column(grid, 1).inner_text().split("\n") == ["chef", "[red]", "90", "✓ caught"]
    assert column(grid, 2).inner_text().split("\n") == ["cooked", "✎ boiled", "90", "✓ caught"]
    assert column(grid, 0).inner_text().split("\n")[:3] == ["the", "·", "10"]
    name = column(grid, 1).get_attribute("aria-label")
    assert name == "red, replaced by generator, original chef, probability 90 percent, caught"
    labels = grid.root.locator(".ke-labels span").all_inner_texts()
    assert labels == ["you typed", "generator", "replaced, %", "verdict"]
    expect(grid.root.locator(".ke-counts")).to_contain_text(
        "caught 2 of 2 · false alarms 0 of 7", use_inner_text=True
    )


def test_the_threshold_moves_verdicts_without_python(show):
    grid = show(state_of(places=[(1, 0)]))
    slider = grid.root.get_by_role("slider")
    slider.focus()
    slider.press("End")
    assert grid.root.locator(".ke-counts").inner_text().startswith("caught 0 of 1")
    expect(column(grid, 1)).to_contain_text("missed", use_inner_text=True)
    slider.press("Home")
    expect(grid.root.locator(".ke-counts")).to_contain_text(
        "false alarms 8 of 8", use_inner_text=True
    )
    assert grid.sent() == []
    assert grid.saved()[-1] == {"threshold": 0}


def test_click_enter_and_ranges_mask(show):
    grid = show()
    column(grid, 1).click()
    assert last(grid, "mask") | {"id": 0} == {
        "id": 0,
        "kind": "mask",
        "places": [[1, 0]],
        "is_masked": True,
    }
    focus(grid, 2)
    grid.page.keyboard.press("Enter")
    # A word is masked with all of its pieces.
    assert last(grid, "mask")["places"] == [[2, 0], [2, 1]]
    grid.page.keyboard.press("Shift+ArrowRight")
    grid.page.keyboard.press("Shift+ArrowRight")
    selected = grid.root.locator("[aria-selected=true]")
    expect(selected).to_have_count(3)
    grid.page.keyboard.press("Delete")
    assert last(grid, "mask")["places"] == [[2, 0], [2, 1], [3, 0], [4, 0]]
    numbers = [message["id"] for message in grid.sent()]
    assert numbers == sorted(set(numbers))


def test_dragging_masks_a_range(show):
    grid = show()
    column(grid, 3).hover()
    grid.page.mouse.down()
    column(grid, 4).hover()
    column(grid, 5).hover()
    grid.page.mouse.up()
    assert last(grid, "mask")["places"] == [[3, 0], [4, 0], [5, 0]]
    assert kinds(grid).count("mask") == 1


def test_what_is_masked_is_shown_again(show):
    grid = show(state_of(places=[(1, 0)]))
    column(grid, 1).click()
    assert last(grid, "mask")["is_masked"] is False


def test_keyboard_walk(show):
    grid = show(state_of(places=[(1, 0)], edits={8: "x"}))
    text = grid.root.get_by_role("textbox", name="Text")
    text.focus()
    names = []
    for _ in range(20):
        grid.page.keyboard.press("Tab")
        names.append(grid.page.evaluate("() => document.activeElement.getAttribute('role')"))
        if names[-1] == "gridcell":
            break
    assert names[-1] == "gridcell", "the grid is one stop on the way"

    def at():
        return grid.page.evaluate(
            "() => [...document.querySelectorAll('.ke-column')].indexOf(document.activeElement)"
        )

    assert at() == 0
    keys = [("ArrowRight", 1), ("End", 8), ("ArrowRight", 8), ("Home", 0), ("ArrowLeft", 0)]
    # Suspicious are places 1 and 8.
    for key, place in [*keys, (".", 1), (".", 8), (".", 1), (",", 8)]:
        grid.page.keyboard.press(key)
        assert at() == place, key
    for key, kind in (("r", "sample"), ("t", "pin"), ("Control+z", "undo"), ("Control+y", "redo")):
        grid.page.keyboard.press(key)
        assert kinds(grid)[-1] == kind
    grid.page.keyboard.press("Control+Enter")
    assert last(grid, "run")["text"] == TEXT
    grid.page.keyboard.press("Escape")
    assert at() == -1


def test_up_and_down_follow_the_lines(show, page):
    page.set_viewport_size({"width": 520, "height": 900})
    grid = show()
    tops = grid.page.evaluate(
        "() => [...document.querySelectorAll('.ke-column')].map((one) => one.offsetTop)"
    )
    assert len(set(tops)) > 1
    focus(grid, 1)
    grid.page.keyboard.press("ArrowDown")
    below = grid.page.evaluate(
        "() => [...document.querySelectorAll('.ke-column')].indexOf(document.activeElement)"
    )
    assert tops[below] > tops[1]
    grid.page.keyboard.press("ArrowUp")
    assert grid.page.evaluate("() => document.activeElement.offsetTop") == tops[1]
    # The names of the rows stand at every line, and nothing is wider than the page.
    labels = grid.root.locator(".ke-labels span")
    expect(labels).to_have_count(4 * len(set(tops)))
    assert grid.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_hosts_do_not_hear_the_keys(show):
    grid = show()
    grid.page.evaluate(
        "() => { window.heard = []; document.addEventListener('keydown', (e) => heard.push(e.key)); }"
    )
    focus(grid, 0)
    for key in ("a", "b", "d", "d", "m", "z", "ArrowDown", "Enter"):
        grid.page.keyboard.press(key)
    assert grid.page.evaluate("() => window.heard") == []
    expect(grid.root).to_have_attribute("data-lm-suppress-shortcuts", "true")


def test_a_word_is_rewritten(show):
    grid = show()
    focus(grid, 2)
    grid.page.keyboard.press("F2")
    box = grid.root.get_by_role("combobox", name="Write in place of cooked")
    box.fill("boiled")
    edit = last(grid, "edit")
    assert (edit["word"], edit["text"], edit["is_final"]) == (2, "boiled", False)
    # The answer comes while the box is open.
    grid.set("trace", state_of(edits={2: "boiled"})["trace"])
    expect(box).to_have_value("boiled")
    expect(column(grid, 2)).to_contain_text("90", use_inner_text=True)
    box.press("Enter")
    edit = last(grid, "edit")
    assert (edit["text"], edit["is_final"]) == ("boiled", True)
    expect(box).to_have_count(0)
    focused = "() => [...document.querySelectorAll('.ke-column')].indexOf(document.activeElement)"
    assert grid.page.evaluate(focused) == 2


def test_an_edit_is_given_up_with_escape(show):
    grid = show()
    column(grid, 2).dblclick()
    box = grid.root.get_by_role("combobox", name="Write in place of cooked")
    box.fill("x")
    box.press("Escape")
    assert last(grid, "edit")["text"] is None
    assert column(grid, 2).inner_text().startswith("cooked")


def test_candidates_are_asked_for_sorted_and_put_in(show):
    state = full_state()
    grid = show(state)
    focus(grid, 1)
    assert last(grid, "look")["place"] == [1, 0]
    table = grid.root.locator(".ke-side table").first
    expect(table.locator("tbody tr")).to_have_count(3)
    grid.root.get_by_role("button", name="replaced, %").first.click()
    assert table.locator("tbody tr").first.inner_text().split()[0] == "chef"
    header = grid.root.get_by_role("columnheader", name="replaced, %").first
    expect(header).to_have_attribute("aria-sort", "ascending")
    grid.root.get_by_role("button", name="the", exact=True).press("Enter")
    put = last(grid, "put")
    assert (put["place"], put["token"]) == ([1, 0], "the")
    expect(table).to_contain_text("fools best", use_inner_text=True)


def test_controls_send_and_say_why_they_are_off(show):
    grid = show()
    grid.root.get_by_role("radio", name="whole words").check()
    assert last(grid, "settings")["masking"] == "words"
    grid.root.get_by_label("temperature").fill("2")
    grid.root.get_by_label("temperature").press("Tab")
    assert last(grid, "settings")["temperature"] == 2
    grid.root.get_by_role("button", name="Sample again").click()
    grid.root.get_by_role("button", name="New seed").click()
    assert kinds(grid)[-2:] == ["sample", "dice"]
    redo = grid.root.get_by_role("button", name="Redo")
    expect(redo).to_be_disabled()
    expect(redo).to_have_attribute("title", "off: nothing was undone")
    why = "there is no generator: it is a discriminator alone"
    grid.set("reasons", dict.fromkeys(("mask", "sample", "draw", "candidates"), why))
    sample = grid.root.get_by_role("button", name="Sample again")
    expect(sample).to_be_disabled()
    expect(sample).to_have_attribute("title", f"off: {why}")
    focus(grid, 0)
    grid.page.keyboard.press("Enter")
    expect(grid.root.locator(".ke-note")).to_have_text(
        f"Masking is off: {why}", use_inner_text=True
    )
    assert "mask" not in kinds(grid)


def test_typing_waits_for_a_pause(show):
    grid = show()
    grid.root.get_by_role("textbox", name="Text").press_sequentially(" soup", delay=10)
    assert last(grid, "run")["text"] == f"{TEXT} soup"
    assert kinds(grid).count("run") == 1
    # What Python sends back does not overwrite what is being typed.
    grid.set("settings", {**SETTINGS, "text": "older"})
    expect(grid.root.get_by_role("textbox", name="Text")).to_have_value(f"{TEXT} soup")


def test_without_a_text_there_are_examples(show):
    grid = show(state_of(""))
    expect(grid.root).to_contain_text("Nothing to look into yet", use_inner_text=True)
    expect(grid.root.get_by_role("grid")).to_be_hidden()
    grid.root.get_by_role("button", name="the meal .").click()
    assert last(grid, "run")["text"] == "the meal ."


def test_a_long_text_shows_the_cut(show):
    grid = show(state_of("the chef cooked " * 6))
    expect(grid.root).to_contain_text("first 14 of 24 pieces are seen", use_inner_text=True)


def test_pieces_can_be_seen_apart(show):
    grid = show(state_of(places=[(2, 1)]))
    grid.root.get_by_role("checkbox", name="pieces").check()
    expect(grid.root.get_by_role("gridcell")).to_have_count(11)
    assert column(grid, 3).inner_text().split("\n")[:2] == ["##ed", "[red]"]
    column(grid, 3).click()
    assert last(grid, "mask")["places"] == [[2, 1]]


def test_everything_at_once_is_told(show):
    grid = show(full_state())
    text = grid.root.inner_text()
    for told in ("step 200", "alone, %", "Fool it!", "★ fooled", "one at a time", "≈ lucky"):
        assert told in text
    assert "your edits caught 0 of 1" in text
    grid.root.locator("summary", has_text="Table").click()
    expect(grid.root.locator("details table tbody tr")).to_have_count(9)
    expect(grid.root.get_by_role("progressbar")).to_have_attribute("value", "3")


def test_a_kernel_that_does_not_answer_is_told(show):
    grid = show()
    focus(grid, 0)
    grid.page.keyboard.press("r")
    grid.root.get_by_text("The kernel has not answered yet").wait_for(timeout=20_000)
    grid.set("heard", 1)
    expect(grid.root.locator(".ke-note")).to_have_text("", use_inner_text=True)


def test_text_stays_text(show):
    state = state_of(f"the {EVIL} meal", edits={0: EVIL})
    state["note"] = state["examples"][0] = EVIL
    state["history"] = [{"label": EVIL, "is_now": True}]
    state["tries"] = [{"from": EVIL, "to": EVIL, "probability": 0.4, "rank": 1}]
    state["game"] = True
    grid = show(state)
    expect(grid.root.locator("script")).to_have_count(0)
    expect(column(grid, 0)).to_contain_text(EVIL, use_inner_text=True)
    focus(grid, 0)
    grid.page.keyboard.press("F2")
    expect(grid.root.locator("input.ke-edit")).to_have_value(EVIL)


def test_it_leaves_nothing_behind(show):
    assert show(full_state()).remove() == 0


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("make", [full_state, lambda: state_of("")], ids=["full", "empty"])
def test_all_can_use_it(show, assert_accessible, is_dark, make):
    grid = show(make(), is_dark)
    if make is full_state:
        focus(grid, 1)
        grid.root.locator("summary", has_text="Table").click()
        grid.root.locator("summary", has_text="Keys").click()
    assert_accessible(grid.page)


def test_its_names_for_a_screen_reader(show):
    grid = show(state_of("the chef .", places=[(1, 0)]))
    snapshot = grid.root.get_by_role("grid").aria_snapshot()
    assert "red, replaced by generator, original chef, probability 90 percent, caught" in snapshot
    assert 'grid "Tokens with the probability that they were replaced"' in snapshot


def test_suspects_open_their_line(bare, tmp_path, assert_accessible):
    css = tmp_path / "suspects.css"
    names = ("theme", "suspects")
    css.write_text("".join((WIDGETS / f"{name}.css").read_text() for name in names))
    row = {"line": 3, "text": f"the {EVIL} chef", "start": 4, "end": 4 + len(EVIL)}
    rows = [{**row, "word": EVIL, "replaced": 0.8}]
    grid = bare("suspects.js", css, {"title": "Most suspicious", "rows": rows})
    expect(grid.root.locator("script")).to_have_count(0)
    grid.root.get_by_role("button").click()
    assert grid.sent() == [{"kind": "line", "text": row["text"]}]
    assert_accessible(grid.page)
    grid.set("rows", [])
    expect(grid.root).to_be_hidden()
