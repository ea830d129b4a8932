"""raw.csv is what is kept; the table and the plot are made from it, so that one pair can be measured anew and the rest stays."""
import csv, dataclasses, datetime, os, platform, statistics

from parts.plot import plot
from parts.workloads import WORKLOADS

FIGURES = ["pair", "side", "round", "seconds", "value", "unit", "requests_per_second", "rss_kib", "against"]
# Where a figure comes from; rows of before these were kept have none.
ORIGIN = ["date", "machine", "version"]
COLUMNS = FIGURES + ORIGIN


@dataclasses.dataclass
class Result:
    """One line of the table. `share` is the part of the bar that was used: 1 is the bar, less is better."""

    name: str
    what: str
    ours: str
    theirs: str
    against: str
    figure: str
    bar: str
    goal: str
    verdict: str
    share: float | None
    goal_share: float | None


def number(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def results(rows):
    """In the order of the table; what was not measured is left out."""
    for name, workload in WORKLOADS.items():
        of = [row for row in rows if row["pair"] == (workload.of or name)]
        if of:
            yield judged(name, workload, of)


def judged(name, workload, rows):
    column, scale = ("rss_kib", 1 / 1024) if workload.of else ("value", 1)
    side = lambda which: [float(row[column]) * scale for row in rows if row["side"] == which]
    ours, theirs = side("ours"), side("theirs")
    alone = workload.kind == "figure"
    pairs = [a if alone else a - b if workload.kind == "more" else a / b for a, b in (zip(ours, ours) if alone else zip(ours, theirs))]
    figure = statistics.median(pairs)
    mark = "≥" if workload.better == "more" else "≤"
    times = {"ratio": " ×", "more": " µs", "figure": f" {workload.unit}"}[workload.kind]
    sign = "+ " if workload.kind == "more" else ""
    shown = lambda value: f"{mark} {sign}{value:,g}{times}" if value is not None else ""
    good = lambda value: value is not None and (figure >= value if workload.better == "more" else figure <= value)
    verdict = "goal" if good(workload.goal) else "bar" if good(workload.bar) else "NOT reached" if workload.bar else ""
    # The plot says how much of what is allowed was used, whichever way is better.
    part = lambda value: None if not workload.bar or value is None else workload.bar / value if workload.better == "more" else value / workload.bar
    return Result(
        name, workload.what, f"{number(statistics.median(ours))} {workload.unit}", "" if alone else number(statistics.median(theirs)),
        "" if alone else rows[-1]["against"], f"{sign}{number(figure)}{times}" if not alone else "", shown(workload.bar), shown(workload.goal),
        verdict, max(0.0, part(figure)) if workload.bar else None, part(workload.goal))


def read(file):
    if not file.exists():
        return []
    with open(file, newline="") as text:
        rows = list(csv.DictReader(text))
    if not rows or list(rows[0]) not in (COLUMNS, FIGURES):
        return []
    return [{**dict.fromkeys(COLUMNS, ""), **row} for row in rows]


def origin(version):
    """Of what is measured now."""
    return dict(zip(ORIGIN, (str(datetime.date.today()), f"{os.cpu_count()} cores, {platform.machine()}", version)))


def write(run, rows):
    """All three, anew."""
    order = list(WORKLOADS)
    rows = sorted(rows, key=lambda row: order.index(row["pair"]) if row["pair"] in order else len(order))
    with open(run / "raw.csv", "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    found = list(results(rows))
    head = "; ".join(dict.fromkeys(measured(row) for row in rows))
    text = "\n".join([f"# {head}", "", "`rigs/run`; medians, and of each ratio the median of the pairs. ../../README.md says what is fair and what is not.", "", *table_of(found), "", rounds(rows), *origins(rows)])
    (run / "summary.md").write_text(text + "\n")
    (run / "summary.svg").write_text(plot(found, head))
    return text


def table_of(found):
    yield "| | workload | ours | theirs | against | figure | bar | goal | reached |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in found:
        cells = (row.name, row.what, row.ours, row.theirs, row.against, row.figure, row.bar, row.goal, row.verdict)
        yield "| " + " | ".join(cells) + " |"


def rounds(rows):
    """How often, and how long, in words."""
    told = alike(rows, lambda ours: f"{len(ours)} × {ours[0]['seconds']} s")
    return "Rounds: " + "; ".join(f"{how} {' '.join(names) if len(told) > 1 else 'each'}" for how, names in told.items()) + "."


def origins(rows):
    """When, where and of what, if not of all the same."""
    told = alike(rows, lambda ours: measured(ours[0]))
    if len(told) > 1:
        yield from ("", "Measured: " + "; ".join(f"{where}: {' '.join(names)}" for where, names in told.items()) + ".")


def measured(row):
    return ", ".join(row[column] for column in ORIGIN) if row["date"] else "date and version not kept"


def alike(rows, say):
    """The names of the workloads by what is said of our rows of each."""
    told = {}
    for name in dict.fromkeys(row["pair"] for row in rows):
        told.setdefault(say([row for row in rows if row["pair"] == name and row["side"] == "ours"]), []).append(name)
    return told


SHORT = ("P1", "P2e", "P3", "P6b", "P7", "P8", "P9", "P10", "P12", "P13", "P14", "P15", "Caddy", "CaddyF")


def to_readme(file, run, rows):
    """The picture and some of the lines, between the two marks of README.md."""
    text = file.read_text()
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    lines = ["", f"![What each workload uses of its bar]({run.relative_to(file.parent)}/summary.svg)", "", "| | workload | ours | theirs | figure | sought |", "|---|---|---|---|---|---|"]
    for row in results(rows):
        if row.name in SHORT:
            theirs = f"{row.theirs}, {row.against}" if row.theirs else ""
            reached = {"goal": "reached, and its goal", "bar": "reached", "NOT reached": "**NOT reached**"}.get(row.verdict, "")
            lines.append(f"| {row.name} | {row.what} | {row.ours} | {theirs} | {row.figure} | {row.bar} {reached} |".replace("  ", " "))
    lines += ["", f"All of them: [summary.md]({run.relative_to(file.parent)}/summary.md); {rounds(rows)[0].lower() + rounds(rows)[1:]}", ""]
    file.write_text(before + BEGIN + "\n".join(lines) + END + after)


BEGIN, END = "<!-- rigs/run --readme -->", "<!-- /rigs/run -->"
