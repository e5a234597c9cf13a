"""./dev texts: export the texts to translate, and merge them into the translations."""

from difflib import get_close_matches

import polib

from . import databases, lint_command, odoo_env
from .base import ROOT, cache

# what Odoo's exporter writes, so that files differ in their texts only
WIDTH = 78


def run(_arguments):
    database = databases.prepared(list(odoo_env.manifests()))
    for folder in sorted(ROOT.glob("*/i18n")):
        addon = folder.parent.name
        fresh = cache(f"{addon}.pot")
        odoo_env.run("i18n", "export", "-d", database, "-l", "pot", "-o", fresh, addon, check=True)
        update(fresh, folder)
        fresh.unlink()
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob("*/i18n/*.po*")]
    return lint_command.run(["--fix", "--only", "translations", *files])


def update(exported, folder):
    """Replace the template, update each language, and name the texts to translate."""
    template = polib.pofile(str(exported), wrapwidth=WIDTH)
    addon = folder.parent.name
    path = folder / f"{addon}.pot"
    if path.exists():
        old = polib.pofile(str(path))
        template.header = old.header
        if list(map(str, old)) == list(map(str, template)):
            template.metadata = old.metadata
    save(template, path)
    for language in sorted(folder.glob("*.po")):
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
