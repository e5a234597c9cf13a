"""./dev readme: the README.md of each addon, from the fragments in its folder readme."""

import re

from . import odoo_env
from .base import ROOT, DevError

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


def run(_arguments):
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
