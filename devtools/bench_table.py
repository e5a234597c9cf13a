"""The table that ./dev bench prints."""


def lines(measures):
    """Yield the cells of each measure."""
    for measure in measures:
        if measure.get("failure"):
            yield measure["name"], "failed", "", "", "", "NO"
            continue
        floor, ratio, limit = measure["floor"], measure["ratio"], measure["limit"]
        reached = {None: "", True: "yes", False: "NO"}[measure["reached"]]
        unit = measure["unit"]
        yield (
            measure["name"],
            f"{number(measure['value'])} {unit}",
            f"{number(floor)} {unit} ({measure['floor_name']})" if floor else measure["note"],
            f"{ratio:.2f}" if ratio else "",
            f"<= {limit:g}" + ("" if floor else f" {unit}") if limit is not None else "",
            reached,
        )


def number(value):
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def print_table(items, measures):
    heads = ("measure", "value", "floor", "ratio", "must reach", "reached")
    rows = [heads, *lines(measures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    print(f"\n{items:,} open items\n")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for measure in measures:
        if measure.get("failure"):
            print(f"\n{measure['name']}:\n{measure['failure']}")


def measure(name, value, unit="s", floor=None, floor_name="", limit=None, note=""):
    """Return a measure that was made here and not in Odoo."""
    ratio = value / floor if floor else None
    reached = None if limit is None else (ratio if floor else value) <= limit
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor": floor,
        "floor_name": floor_name,
        "limit": limit,
        "note": note,
        "ratio": ratio,
        "reached": reached,
    }
