"""Merge an exported template into the translations of an addon: merge_texts.py NEW.pot FOLDER."""

import sys
from difflib import get_close_matches
from pathlib import Path

import polib

# what Odoo's exporter writes, so that files differ in their texts only
WIDTH = 78


def main(exported, folder):
    """Replace the template, update each language, and name the texts to translate."""
    template = polib.pofile(exported, wrapwidth=WIDTH)
    addon = Path(folder).parent.name
    path = Path(folder) / f"{addon}.pot"
    if path.exists():
        old = polib.pofile(str(path))
        template.header = old.header
        if list(map(str, old)) == list(map(str, template)):
            template.metadata = old.metadata
    save(template, path)
    for language in sorted(Path(folder).glob("*.po")):
        catalog = polib.pofile(str(language), wrapwidth=WIDTH)
        for text in merge(template, catalog):
            print(f"{addon} ({language.stem}): to translate: {text!r}")
        save(catalog, language)


def merge(template, catalog):
    """Take over the texts of a template, in its order; return those that need a translator.

    As with msgmerge a new text that resembles one that has gone takes over its translation,
    marked fuzzy, and shows the text that it had.
    """
    known = {entry.msgid for entry in catalog}
    catalog.merge(template)
    gone = {entry.msgid: entry for entry in catalog if entry.obsolete and entry.msgstr}
    order = {entry.msgid: place for place, entry in enumerate(template)}
    kept = sorted((e for e in catalog if not e.obsolete), key=lambda entry: order[entry.msgid])
    changed = [entry for entry in kept if entry.msgid not in known]
    for entry in changed:
        for text in get_close_matches(entry.msgid, gone, 1, 0.8):
            entry.msgstr, entry.previous_msgid = gone[text].msgstr, text
            entry.flags.append("fuzzy")
    catalog[:] = kept
    return [entry.msgid for entry in changed]


def save(catalog, path):
    path.write_text(str(catalog).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
