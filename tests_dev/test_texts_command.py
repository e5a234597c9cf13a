"""Translations survive when their texts change."""

import polib

from devtools import texts_command


def catalog(**texts):
    result = polib.POFile()
    for place, (text, translation) in enumerate(texts.items()):
        result.append(
            polib.POEntry(msgid=text.replace("_", " "), msgstr=translation, comment=str(place))
        )
    return result


def test_a_changed_text_keeps_its_translation_marked_fuzzy():
    template = catalog(Brand_new="", Kept_as_it_is="", This_customer_is_paused_today="")
    french = catalog(
        This_customer_is_paused="Ce client est en pause", Kept_as_it_is="Tel quel", Gone="Parti"
    )
    changed = texts_command.merge(template, french)
    assert changed == ["Brand new", "This customer is paused today"]
    assert [(entry.msgid, entry.msgstr, entry.fuzzy) for entry in french] == [
        ("Brand new", "", False),
        ("Kept as it is", "Tel quel", False),
        ("This customer is paused today", "Ce client est en pause", True),
    ]
    assert french[2].previous_msgid == "This customer is paused"
    assert texts_command.merge(template, french) == []
    assert len(french) == 3


def test_files_are_written_once_more_only_when_texts_change(tmp_path):
    folder = tmp_path / "addon/i18n"
    folder.mkdir(parents=True)
    catalog(Stop="Stopp").save(str(folder / "de.po"))
    for day in ("1", "2"):
        exported = catalog(Stop="")
        exported.metadata = {"POT-Creation-Date": day}
        exported.save(str(tmp_path / "new.pot"))
        texts_command.update(tmp_path / "new.pot", folder)
    assert polib.pofile(str(folder / "addon.pot")).metadata["POT-Creation-Date"] == "1"
    assert polib.pofile(str(folder / "de.po")).find("Stop").msgstr == "Stopp"
