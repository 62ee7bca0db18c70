"""The buttons above the token grid, each of which says why it is off."""

import ipywidgets

from keras_electra_widgets.actions import Action, ActionRow

# Not None: a choice of None is no choice for the widget.
NOTHING = ("none", "")
NARROW = {"description_width": "initial"}


class TokenTools(ActionRow):
    """Refresh, compare, one at a time, film strip, game, file, stop.

    Attributes:
        others: a choice of checkpoints, its values their paths, "" for none.
        file: the path of a text file.
        strip, film, fool, score, renew, stop: the buttons.
    """

    def __init__(self):
        self.renew = Action("Refresh", "Take the weights of the newest checkpoint")
        self.strip = Action("One at a time", "The best wrong guess in each place alone")
        self.film = Action("Film strip", "What the run's checkpoints say of these tokens")
        self.fool = Action("Fool it!", "A game: change a word so that it is not noticed")
        self.stop = Action("Stop", "Give up what is being computed")
        self.score = Action("Score file", "Find the most suspicious words of a text file")
        self.others = ipywidgets.Dropdown(
            options=[NOTHING], description="compare with", style=NARROW
        )
        self.file = ipywidgets.Text(
            placeholder="a text file on the kernel's machine", description="file", style=NARROW
        )
        first = (self.renew, self.others, self.strip, self.film, self.fool)
        super().__init__(*first, self.file, self.score, self.stop)

    def offer(self, checkpoints: list[list]) -> None:
        """List checkpoints, [step, path] each, to compare with."""
        found = [(f"step {step:,}", path) for step, path in checkpoints]
        if list(self.others.options[1:]) != found:
            self.others.options = [NOTHING, *found]

    def name_of(self, path: str) -> str | None:
        """What a checkpoint is called in the list."""
        return {value: label for label, value in self.others.options}.get(path)

    def allow(self, reasons: dict, has_text: bool, is_ready: bool, job: str, is_game: bool) -> None:
        """Switch everything on or off.

        Args:
            reasons: control → why the model cannot do it.
            has_text: whether there are tokens to look at.
            is_ready: whether the model has been opened.
            job: the name of what is being computed, or "".
            is_game: whether the game is on.
        """
        starting = "" if is_ready else "the model is starting"
        no_text = "" if has_text else "there is no text yet"
        busy = f"“{job}” is going on" if job else ""
        no_file = "" if self.file.value.strip() else "no file is named"
        for action, name, conditions in (
            (self.renew, "refresh", ()),
            (self.strip, "strip", (no_text, busy)),
            (self.film, "film", (no_text, busy)),
            (self.fool, "game", (no_text,)),
            (self.score, "file", (busy, no_file)),
        ):
            whys = [why for why in (reasons.get(name, ""), *conditions, starting) if why]
            action.allow_if(not whys, whys[0] if whys else "")
        self.stop.allow_if(job, "nothing is being computed")
        self.others.disabled = "compare" in reasons or not is_ready
        self.others.tooltip = reasons.get("compare", "Another checkpoint of this run")
        self.fool.button_style = "info" if is_game else ""
        self.refresh()
