"""Buttons that say why they are off."""

import ipywidgets

from keras_electra_widgets.static_html import escaped


class Action(ipywidgets.Button):
    """A button that is either allowed, or off for a reason in words.

    Args:
        description: what stands on it.
        tooltip: what it does.
    """

    def __init__(self, description: str, tooltip: str = "", **traits):
        self.explanation, self.reason = tooltip, ""
        super().__init__(description=description, tooltip=tooltip, **traits)

    def allow(self) -> None:
        """Switch the button on."""
        self._set("")

    def forbid(self, reason: str) -> None:
        """Switch the button off; `reason` goes on "… is off: "."""
        self._set(reason)

    def allow_if(self, allowed, reason: str) -> None:
        """Switch it on if `allowed`, else off for `reason`."""
        self._set("" if allowed else reason)

    def _set(self, reason):
        self.reason = reason
        self.disabled = bool(reason)
        self.tooltip = f"{self.description} is off: {reason}" if reason else self.explanation


class ActionRow(ipywidgets.VBox):
    """Buttons in a row, and below them in words why those that are off are off.

    Args:
        children: `Action`s, and other widgets between them.
    """

    def __init__(self, *children):
        self.actions = [child for child in children if isinstance(child, Action)]
        self.reasons = ipywidgets.HTML()
        self.reasons.add_class("ke-reasons")
        row = ipywidgets.HBox(children, layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__([row, self.reasons])
        self.refresh()

    def refresh(self) -> None:
        """Show the present reasons; call it after `allow` and `forbid`."""
        together = {}
        for action in self.actions:
            if action.reason:
                together.setdefault(action.reason, []).append(action.description)
        sentences = [
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} off: {reason}"
            for reason, names in together.items()
        ]
        self.reasons.value = escaped(" · ".join(sentences))
