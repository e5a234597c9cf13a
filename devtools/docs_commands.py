"""The short commands that bring files of the repository up to date: texts, READMEs, pictures."""

import re
import subprocess

from . import databases, demo_command, lint_command, machine, odoo_env, venv
from .base import DEVTOOLS, ROOT, DevError, cache, free_port, log_file, say

PICTURES = ROOT / "dunning_exclusion/static/description"
# fragment of a README: its heading, in the order in which OCA's addons have them
FRAGMENTS = {
    "DESCRIPTION": None,
    "INSTALL": "Installation",
    "CONFIGURE": "Configuration",
    "USAGE": "Usage",
    "ROADMAP": "Known limits",
    "DEVELOP": "Development",
    "CONTRIBUTORS": "Contributors",
    "CREDITS": "Credits",
    "HISTORY": "Changelog",
}


def run_texts(_arguments):
    """Export the texts to translate, and merge them into the translations."""
    addons = [path.parent.name for path in sorted(ROOT.glob("*/i18n"))]
    database = databases.prepared(list(odoo_env.manifests()))
    for addon in addons:
        fresh = cache(f"{addon}.pot")
        odoo_env.run("i18n", "export", "-d", database, "-l", "pot", "-o", fresh, addon, check=True)
        command = [venv.ensure(), DEVTOOLS / "merge_texts.py", fresh, ROOT / addon / "i18n"]
        subprocess.run(command, check=True)
        fresh.unlink()
    files = [str(path.relative_to(ROOT)) for path in ROOT.glob("*/i18n/*.po*")]
    return lint_command.run(["--fix", "--only", "translations", *files])


def run_readme(_arguments):
    """Write the README.md of each addon from the fragments in its folder readme."""
    for addon, manifest in odoo_env.manifests().items():
        if (ROOT / addon / "readme").is_dir():
            (ROOT / addon / "README.md").write_text(readme(addon, manifest))


def readme(addon, manifest):
    """Return the text of the README of an addon."""
    fragments = {path.stem: path.read_text() for path in (ROOT / addon / "readme").glob("*.md")}
    if unknown := set(fragments) - set(FRAGMENTS):
        raise DevError(f"{addon}/readme: unknown fragments {', '.join(sorted(unknown))}.")
    parts = [f"# {manifest['name']}", f"Version {manifest['version']}, {manifest['license']}."]
    for fragment in filter(fragments.get, FRAGMENTS):
        parts += [f"## {FRAGMENTS[fragment]}"] if FRAGMENTS[fragment] else []
        # a fragment begins at the second level, as the generator of the OCA wants it
        parts.append(re.sub(r"^##", "###", fragments[fragment].strip(), flags=re.MULTILINE))
    return "\n\n".join(parts) + "\n"


def run_screens(_arguments):
    """Take the pictures of the documentation, in a new database with the demo data."""
    machine.ensure(machine.SCREENS)
    log, port = log_file("screens.log"), free_port()
    with databases.temporary(databases.template(), "_screens") as name:
        say("Preparing a database with demo data …")
        demo_command.fill(name)
        script = (DEVTOOLS / "demo_run.py").read_text() + "\nprepare_pictures(env)"
        ids = databases.shell(name, script, "--- ids").split("--- ids")[1].split()
        take = [venv.ensure(), DEVTOOLS / "take_screens.py", f"http://localhost:{port}"]
        with demo_command.web_client(port, name), log.open("w") as errors:
            command = [*take, machine.find("chromium"), PICTURES, *ids]
            if subprocess.run(command, stderr=errors).returncode:
                raise DevError(f"A picture could not be taken: see {log}")
    say(f"The pictures are in {PICTURES.relative_to(ROOT)}.")
