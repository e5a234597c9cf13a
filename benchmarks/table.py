"""The lines of the table that ./dev bench prints. Needs no Odoo."""


def measure(name, value, unit="s", floor=None, floor_name="", limit=None, note=""):
    """Return a line: a value, what it is compared with, and what it must reach.

    :param floor: what the value is divided by; the limit is one of the ratio then
    """
    ratio = value / floor if floor else None
    reached = None if limit is None else (ratio if floor else value) <= limit
    return {
        **{"name": name, "value": value, "unit": unit, "floor": floor, "floor_name": floor_name},
        **{"limit": limit, "note": note, "ratio": ratio, "reached": reached},
    }


def number(value):
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def cells(line):
    """Return what is printed of a line, in columns."""
    if line.get("failure"):
        return line["name"], "failed", "", "", "", "NO"
    unit, floor, limit = line["unit"], line["floor"], line["limit"]
    return (
        line["name"],
        f"{number(line['value'])} {unit}",
        f"{number(floor)} {unit} ({line['floor_name']})" if floor else line["note"],
        f"{line['ratio']:.2f}" if floor else "",
        "" if limit is None else f"<= {limit:.3g}" + ("" if floor else f" {unit}"),
        {None: "", True: "yes", False: "NO"}[line["reached"]],
    )


def show(about, lines):
    """Print the table, and the tracebacks of the sections that failed."""
    rows = [("measure", "value", "floor", "ratio", "must reach", "reached"), *map(cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    items, processors, load = about["items"], about["processors"], about["load"]
    print(f"\n{items:,} open items, {processors} processors, load {load}\n")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for line in lines:
        if line.get("failure"):
            print(f"\n{line['name']}:\n{line['failure']}")
