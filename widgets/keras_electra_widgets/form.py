"""Parts of forms: a control with its name, its help and, below it, what is wrong with it in words."""

import dataclasses
from collections.abc import Callable, Sequence

import ipywidgets

from keras_electra.errors import InputError
from keras_electra.launching.fields import Field
from keras_electra_widgets.static_html import escaped

WIDE = "min(100%, 460px)"
RECIPE = ""
"""What an option that is left to the recipe holds."""


class Labelled(ipywidgets.VBox):
    """A control; below it a sentence when something is wrong, else its help.

    Args:
        name: of the field, as the library's sentences call it.
        control: with a description, which names it for screen readers too.
        help: a sentence, or "".
    """

    def __init__(self, name: str, control, help: str = ""):
        self.name, self.control, self.help = name, control, help
        control.style = {"description_width": "140px"}
        control.layout.width = WIDE
        self.message = ipywidgets.HTML()
        self.problem = None
        super().__init__([control, self.message])
        self.add_class("ke-field")
        self.tell(None)

    @property
    def value(self):
        """What the control holds; text without blanks around it."""
        value = self.control.value
        return value.strip() if isinstance(value, str) else value

    def on_change(self, callback: Callable) -> None:
        """Have `callback(change)` called whenever the value changes."""
        self.control.observe(callback, names="value")

    def tell(self, problem: str | None) -> None:
        """Show what is wrong, or the help where nothing is."""
        self.problem = problem
        told = f'<span class="ke-problem">✗ {escaped(problem)}</span>' if problem else ""
        told = told or (
            f'<span class="ke-reasons">{escaped(self.help)}</span>' if self.help else ""
        )
        if self.message.value != told:
            self.message.value = told
        self.message.layout.display = None if told else "none"


def text(name: str, description: str, value: str = "", help: str = "", hint: str = "") -> Labelled:
    """A field for a line of text; `hint` stands in it while it is empty."""
    control = ipywidgets.Text(value=value, description=description, placeholder=hint, tooltip=help)
    return Labelled(name, control, help)


def lines(name: str, description: str, value: str = "", help: str = "", hint: str = "") -> Labelled:
    """A field for several lines of text."""
    control = ipywidgets.Textarea(
        value=value, description=description, placeholder=hint, tooltip=help, rows=3
    )
    return Labelled(name, control, help)


def choice(name: str, description: str, options: Sequence, value=None, help: str = "") -> Labelled:
    """A field for one of several values, or (label, value) pairs; the first unless one is given."""
    first = options[0] if options else None
    first = first[1] if isinstance(first, tuple) else first
    control = ipywidgets.Dropdown(
        options=options,
        value=first if value is None else value,
        description=description,
        tooltip=help,
    )
    return Labelled(name, control, help)


def option(field: Field, recipe=dataclasses.MISSING) -> Labelled:
    """A field for one option of a configuration, empty while the recipe decides.

    Args:
        field: the option.
        recipe: value that the recipe gives it, for the hint.
    """
    title = field.name.replace("_", " ").capitalize()
    if field.sort in ("choice", "switch"):
        row = choice(field.name, title, options_of(field, recipe), RECIPE, field.help)
    else:
        row = text(field.name, title, help=field.help, hint=hint_of(field, recipe))
    return row


def hint_of(field: Field, recipe) -> str:
    """What stands in a field that the recipe decides."""
    usual = field.default if recipe is dataclasses.MISSING else recipe
    return f"{field.shown(usual)} (recipe)" if usual is not dataclasses.MISSING else "by the recipe"


def options_of(field: Field, recipe) -> list[tuple[str, str]]:
    """What can be chosen, what the recipe says first."""
    names = field.choices if field.sort == "choice" else ("on", "off")
    return [(hint_of(field, recipe), RECIPE), *((name, name) for name in names)]


def tell_recipe(row: Labelled, field: Field, recipe) -> None:
    """Say in a field what another recipe gives."""
    control = row.control
    if not isinstance(control, ipywidgets.Dropdown):
        if control.placeholder != (hint := hint_of(field, recipe)):
            control.placeholder = hint
        return
    options = options_of(field, recipe)
    if list(control.options) != options:
        value = control.value
        control.options = options
        control.value = value


class OptionGroup(ipywidgets.VBox):
    """The options of one group of a configuration.

    Args:
        fields: of the group.
        prefix: put before their names in the sentences' keys, such as "store.".
        recipe: name -> value that the recipe gives.
    """

    def __init__(self, fields: Sequence[Field], prefix: str = "", recipe=None):
        self.prefix, self.fields = prefix, {field.name: field for field in fields}
        recipe = recipe or {}
        self.rows = {
            field.name: option(field, recipe.get(field.name, dataclasses.MISSING))
            for field in fields
        }
        super().__init__(list(self.rows.values()))

    def read(self) -> tuple[dict, dict]:
        """(the options given, what is wrong with what was typed): by name."""
        values, problems = {}, {}
        for name, row in self.rows.items():
            if row.value == RECIPE:
                continue
            try:
                values[name] = self.fields[name].read(row.value)
            except InputError as error:
                problems[self.prefix + name] = str(error)
        return values, problems

    def tell_recipe(self, recipe: dict) -> None:
        """Say beside each option what another recipe gives."""
        for name, row in self.rows.items():
            tell_recipe(row, self.fields[name], recipe.get(name, dataclasses.MISSING))

    def fill(self, values: dict) -> None:
        """Show these options, and leave the others to the recipe."""
        for name, row in self.rows.items():
            shown = self.fields[name].shown(values[name]) if name in values else RECIPE
            if row.control.value != shown:
                row.control.value = shown

    def tell(self, problems: dict) -> None:
        """Show beside each option what is wrong with it."""
        for name, row in self.rows.items():
            row.tell(problems.get(self.prefix + name))

    def on_change(self, callback: Callable) -> None:
        """Have `callback(change)` called whenever an option changes."""
        for row in self.rows.values():
            row.on_change(callback)


class Folded(ipywidgets.VBox):
    """Groups of options, one shown at a time, and none at first; each is made when it is first shown.

    Args:
        groups: title -> (fields, prefix).
        on_change: called whenever an option changes.
        recipe: called without arguments for the values that the recipe gives, by name.
    """

    NONE = "folded away"

    def __init__(self, groups: dict, on_change: Callable, recipe: Callable[[], dict] = dict):
        self._groups, self._on_change, self._recipe = groups, on_change, recipe
        self._made, self._kept = {}, {title: {} for title in groups}
        self.chooser = ipywidgets.Dropdown(
            description="Advanced settings",
            options=[self.NONE, *groups],
            style={"description_width": "140px"},
            layout={"width": WIDE},
        )
        self.chooser.observe(lambda change: self._show(change["new"]), names="value")
        super().__init__([self.chooser])

    def read(self) -> tuple[dict[str, dict], dict[str, str]]:
        """({title: options given}, what is wrong with what was typed)."""
        values, problems = {}, {}
        for title in self._groups:
            if title in self._made:
                values[title], wrong = self._made[title].read()
                problems |= wrong
            else:
                values[title] = dict(self._kept[title])
        return values, problems

    def fill(self, values: dict[str, dict]) -> None:
        """Show these options; all others are left to the recipe."""
        for title in self._groups:
            self._kept[title] = dict(values.get(title, {}))
            if title in self._made:
                self._made[title].fill(self._kept[title])

    def tell_recipe(self) -> None:
        """Say beside each option what the present recipe gives."""
        recipe = self._recipe() if self._made else {}
        for made in self._made.values():
            made.tell_recipe(recipe)

    def tell(self, problems: dict) -> None:
        """Show what is wrong; the group of the first wrong option is unfolded."""
        for title, (fields, prefix) in self._groups.items():
            names = {prefix + field.name for field in fields}
            if names & problems.keys() and title not in self._made:
                self.chooser.value = title
            if title in self._made:
                self._made[title].tell(problems)

    def _show(self, title):
        if title == self.NONE:
            self.children = [self.chooser]
            return
        if title not in self._made:
            fields, prefix = self._groups[title]
            made = OptionGroup(fields, prefix, self._recipe())
            made.fill(self._kept[title])
            made.on_change(self._on_change)
            self._made[title] = made
        self.children = [self.chooser, self._made[title]]


def heading(title: str) -> ipywidgets.HTML:
    """The title of a part of a form."""
    return ipywidgets.HTML(f"<b>{escaped(title)}</b>")
