"""summary.svg: of each line with a bar, how much of what it allows was used. It reads in light and dark."""
from html import escape

LEFT, SCALE, ROW, TOP, WIDTH, MOST = 330, 250, 22, 74, 960, 1.6

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .head { font-size: 15px; font-weight: 600 } .dim { fill: #59636e }
.name { font-weight: 600 } .goal { fill: #1a7f37 } .bar { fill: #0969da } .missed { fill: #bc4c00 } .mark { stroke: #1f2328 } .aim { stroke: #1f2328 } .halo { stroke: #ffffff }
.ground { fill: #ffffff } .lane { fill: #f6f8fa }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .dim { fill: #9198a1 } .goal { fill: #3fb950 } .bar { fill: #58a6ff } .missed { fill: #f0883e } .mark { stroke: #e6edf3 }
.aim { stroke: #e6edf3 } .halo { stroke: #0d1117 } .ground { fill: #0d1117 } .lane { fill: #161b22 }
}
"""


def plot(found, head):
    rows = [row for row in found if row.share is not None]
    height = TOP + ROW * len(rows) + 16
    one = LEFT + SCALE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>authgate beside its peers: {escape(head)}</title><style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        f'<text class="head" x="12" y="24">How much of its bar each workload uses (shorter is better)</text>',
        f'<text class="dim" x="12" y="43">{escape(head)}</text>',
    ]
    x = 12
    for kind, words in (("goal", "goal reached"), ("bar", "bar reached"), ("missed", "not reached")):
        out.append(f'<rect class="{kind}" x="{x}" y="53" width="10" height="10"/><text class="dim" x="{x + 15}" y="62">{words}</text>')
        x += 98
    out.append(f'<line class="aim" x1="{x + 4}" x2="{x + 4}" y1="51" y2="65" stroke-width="1.5"/><text class="dim" x="{x + 13}" y="62">the goal</text>')
    out.append(f'<text class="dim" x="{one}" y="62" text-anchor="middle">the bar</text>')
    for at, row in enumerate(rows):
        out += lane(row, TOP + at * ROW, at)
    out.append(f'<line class="mark" x1="{one}" x2="{one}" y1="{TOP - 8}" y2="{height - 12}" stroke-width="1.5"/></svg>')
    return "\n".join(out) + "\n"


def lane(row, top, at):
    kind = {"goal": "goal", "bar": "bar"}.get(row.verdict, "missed")
    length = max(2, SCALE * min(row.share, MOST))
    if at % 2:
        yield f'<rect class="lane" x="0" y="{top}" width="{WIDTH}" height="{ROW}"/>'
    yield f'<text class="name" x="12" y="{top + 15}">{escape(row.name)}</text><text class="dim" x="62" y="{top + 15}">{escape(short(row.what, 46))}</text>'
    yield f'<rect class="{kind}" x="{LEFT}" y="{top + 5}" width="{length:.1f}" height="12"/>'
    if row.share > MOST:
        end, middle = LEFT + length, top + 11
        yield f'<path class="{kind}" d="M{end:.1f} {middle - 8} l9 8 l-9 8 z"/>'
    if row.goal_share:
        aim = LEFT + SCALE * row.goal_share
        for style, wide in (("halo", 4), ("aim", 1.5)):
            yield f'<line class="{style}" x1="{aim:.1f}" x2="{aim:.1f}" y1="{top + 3}" y2="{top + 19}" stroke-width="{wide}"/>'
    yield f'<text x="{LEFT + SCALE * MOST + 14:.0f}" y="{top + 15}">{escape(told(row))}</text>'


def told(row):
    if not row.figure:
        # The unit once is enough.
        return f"{row.ours.split()[0]} ({row.bar})"
    return f"{row.figure} {row.against} ({row.bar})"


def short(text, most):
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
