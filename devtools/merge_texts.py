"""Merge an exported template into the translations of an addon: merge_texts.py NEW.pot FOLDER."""

import sys
from pathlib import Path

import polib

# what Odoo's exporter writes, so that files differ in their texts only
WIDTH = 78


def main(exported, folder):
    """Replace the template, update each language, and name the texts nobody has translated yet."""
    template = polib.pofile(exported, wrapwidth=WIDTH)
    path = Path(folder) / f"{Path(folder).parent.name}.pot"
    old = polib.pofile(str(path), wrapwidth=WIDTH) if path.exists() else None
    if old and texts(old) == texts(template):
        template.metadata = old.metadata
    template.header = old.header if old else template.header
    save(template, path)
    new = {entry.msgid for entry in template} - {entry.msgid for entry in old or []}
    for language in sorted(Path(folder).glob("*.po")):
        merge(template, language)
    for text in sorted(new):
        print(f"{path.parent.parent.name}: to translate: {text!r}")


def merge(template, path):
    """Take over the texts of the template, in its order, with the translations there are."""
    catalog = polib.pofile(str(path), wrapwidth=WIDTH)
    known = {entry.msgid: entry for entry in catalog if not entry.obsolete}
    merged = polib.POFile(wrapwidth=WIDTH)
    merged.header, merged.metadata = catalog.header, catalog.metadata
    for entry in template:
        copy = polib.POEntry(
            msgid=entry.msgid,
            msgstr=known[entry.msgid].msgstr if entry.msgid in known else "",
            comment=entry.comment,
            occurrences=entry.occurrences,
            flags=entry.flags,
        )
        merged.append(copy)
    save(merged, path)


def texts(catalog):
    return [(entry.msgid, entry.occurrences, entry.comment) for entry in catalog]


def save(catalog, path):
    text = str(catalog).rstrip() + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
