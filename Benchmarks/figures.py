"""Curves as SVG, with nothing but the standard library: both axes logarithmic, one panel."""
import math

WIDTH, HEIGHT = 620, 340
LEFT, RIGHT, TOP, BOTTOM = 70, 220, 40, 50
# Okabe and Ito's colours, which people who see colours differently can tell apart.
COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]


def _number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _ticks(low, high, marks):
    """Marks on a logarithmic axis that are between its ends."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    values = [mark * 10.0 ** power for power in range(first, last + 1) for mark in marks]
    return [value for value in values if low * 0.999 <= value <= high * 1.001]


def curves(title, x_label, y_label, series):
    """SVG text. `series` is {name: [(x, y), …]}, all numbers above zero."""
    points = [point for line in series.values() for point in line if point[1] > 0]
    xs = sorted({x for x, _ in points})
    low_x, high_x = xs[0], max(xs[-1], xs[0] * 1.01)
    low_y = 10 ** math.floor(math.log10(min(y for _, y in points)))
    high_y = 10 ** math.ceil(math.log10(max(y for _, y in points)))
    high_y = max(high_y, low_y * 10)
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(x, y):
        across = math.log(x / low_x) / math.log(high_x / low_x)
        up = math.log(y / low_y) / math.log(high_y / low_y)
        return LEFT + across * wide, TOP + (1 - up) * high

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="14" font-weight="bold">{title}</text>',
    ]
    for y in _ticks(low_y, high_y, [1]):
        _, down = at(low_x, y)
        out.append(f'<line x1="{LEFT}" y1="{down:.1f}" x2="{LEFT + wide}" y2="{down:.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{_number(y)}</text>')
    for x in xs:
        across, _ = at(x, low_y)
        out.append(f'<line x1="{across:.1f}" y1="{TOP}" x2="{across:.1f}" y2="{TOP + high}" stroke="#eeeeee"/>')
        out.append(f'<text x="{across:.1f}" y="{TOP + high + 16}" text-anchor="middle">{_number(x)}</text>')
    out.append(f'<rect x="{LEFT}" y="{TOP}" width="{wide}" height="{high}" fill="none" stroke="#888888"/>')
    out.append(f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 12}" text-anchor="middle">{x_label}</text>')
    out.append(f'<text x="16" y="{TOP + high / 2}" text-anchor="middle" transform="rotate(-90 16 {TOP + high / 2})">'
               f'{y_label}</text>')
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = [at(x, y) for x, y in line if y > 0]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in places]
        legend = TOP + 12 + 20 * index
        out.append(f'<line x1="{LEFT + wide + 12}" y1="{legend - 4}" x2="{LEFT + wide + 32}" y2="{legend - 4}"'
                   f' stroke="{colour}" stroke-width="2"/>')
        out.append(f'<text x="{LEFT + wide + 38}" y="{legend}">{name}</text>')
    return "\n".join([*out, "</svg>", ""])
