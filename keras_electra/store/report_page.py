"""The report as one page of HTML that needs no network."""

import html
from collections.abc import Iterable

STYLE = """
body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  line-height: 1.45; color: #1b1b1b; background: #ffffff; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; border-bottom: 1px solid #dddddd;
  vertical-align: top; }
th:first-child, td:first-child, td.text { text-align: left; }
td.text { max-width: 26rem; }
p.alarm { border-left: 0.3rem solid #b3261e; padding: 0.4rem 0.8rem; background: #fdecea; }
"""
FIGURES = {
    "documents": "{:,}",
    "sentences": "{:,}",
    "words": "{:,}",
    "tokens": "{:,}",
    "bytes": "{:,}",
    "tokens_per_word": "{:.3f}",
    "bytes_per_token": "{:.3f}",
    "unknown_rate": "{:.5f}",
    "stored_tokens": "{:,}",
    "train_tokens": "{:,}",
    "held_out_tokens": "{:,}",
}
SIZE_COLUMNS = {
    "size": "{}",
    "steps": "{:,}",
    "batch_size": "{:,}",
    "sequence_length": "{:,}",
    "tokens": "{:,}",
    "epochs": "{:.1f}",
    "tokens_per_second": "{:,.0f}",
    "hours": "{:,.1f}",
}
MAX_BARS = 30


def page(report: dict) -> str:
    """A report, as `report_of` makes it, as HTML with its own scripts inside."""
    sections = [
        ("Vocabulary, options and text do not fit", alarms(report["warnings"])),
        ("What is in the store", table(["", ""], figures(report))),
        ("Lengths of documents", lengths(report["document_lengths"], "documents", True)),
        ("Lengths of sentences", lengths(report["sentence_lengths"], "sentences")),
        ("Most frequent tokens", frequent(report["most_frequent_tokens"])),
        ("Training", sizes(report)),
        ("Documents that were dropped", counted(report["dropped_documents"])),
        ("Duplicates, some of them", duplicates(report["duplicates"])),
        ("Mixture", mixture(report["mixture"])),
        ("What the readers met", problems(report["problems"])),
    ]
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections if content)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Store</title><style>{STYLE}</style></head><body><h1>Store</h1>{body}</body></html>\n"
    )


def alarms(sentences: list[str]) -> str:
    """What must not be overlooked."""
    return "".join(f'<p class="alarm">{html.escape(sentence)}</p>' for sentence in sentences)


def figures(report: dict) -> list[tuple[str, str]]:
    return [(words(name), form.format(report[name])) for name, form in FIGURES.items()]


def words(name: str) -> str:
    """`words("tokens_per_word")` is "tokens per word"."""
    return name.replace("_", " ")


def table(titles: Iterable[str], rows: Iterable[Iterable], texts: Iterable[int] = ()) -> str:
    """A table; the columns `texts` hold running text. Nothing if there are no rows."""
    rows, texts = [list(row) for row in rows], set(texts)
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(title)}</th>" for title in titles)
    lines = [
        "".join(
            f"<td{' class=text' if place in texts else ''}>{html.escape(str(cell))}</td>"
            for place, cell in enumerate(row)
        )
        for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def bars(names: list[str], counts: list[int], title: str, own_id: str, with_script: bool) -> str:
    """A bar chart; the first one on a page brings the script along."""
    import plotly.graph_objects
    import plotly.io

    figure = plotly.graph_objects.Figure(
        plotly.graph_objects.Bar(x=names, y=counts, marker_color="#3b6ea5")
    )
    figure.update_layout(
        height=320,
        margin={"l": 60, "r": 10, "t": 10, "b": 60},
        xaxis={"type": "category", "title": title},
        plot_bgcolor="#ffffff",
        yaxis={"gridcolor": "#e5e5e5"},
    )
    return plotly.io.to_html(
        figure,
        include_plotlyjs=with_script,
        full_html=False,
        div_id=own_id,
        config={"displaylogo": False},
    )


def lengths(bins: list[dict], what: str, with_script: bool = False) -> str:
    names = [
        str(bin["from"]) if bin["from"] == bin["to"] else f"{bin['from']}–{bin['to']}"
        for bin in bins
    ]
    return bars(names, [bin["count"] for bin in bins], f"tokens ({what})", what, with_script)


def frequent(tokens: list[list]) -> str:
    shown = tokens[:MAX_BARS]
    return bars([t for t, _ in shown], [n for _, n in shown], "token", "frequent", False)


def sizes(report: dict) -> str:
    rows = [
        [form.format(row[name]) for name, form in SIZE_COLUMNS.items()] for row in report["sizes"]
    ]
    return table(map(words, SIZE_COLUMNS), rows) + f"<p>{html.escape(report['assumption'])}</p>"


def counted(counts: dict[str, int]) -> str:
    return table(["reason", "documents"], [(words(k), f"{n:,}") for k, n in counts.items() if n])


def duplicates(examples: list[dict]) -> str:
    rows = [(example["kind"], example["dropped"], example["kept"]) for example in examples]
    return table(["kind", "dropped", "kept"], rows, texts=(1, 2))


def mixture(rows: list[dict]) -> str:
    shown = [
        (row["source"], row["weight"], f"{row['tokens']:,}", f"{row['tokens_taken']:,}")
        for row in rows
    ]
    return table(["source", "weight", "tokens", "tokens taken"], shown)


def problems(found: dict) -> str:
    rows = [
        (kind, f"{count:,}", "; ".join(found["examples"].get(kind, ())))
        for kind, count in found["counts"].items()
    ]
    return table(["kind", "times", "for example"], rows, texts=(2,))
