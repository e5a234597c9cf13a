"""./dev readme: write the README.md of each addon from the fragments in its folder readme."""

from . import odoo_env
from .base import ROOT, DevError

# fragment: heading, in the order in which OCA's addons have them
FRAGMENTS = {
    "DESCRIPTION": None,
    "INSTALL": "Installation",
    "CONFIGURE": "Configuration",
    "USAGE": "Usage",
    "ROADMAP": "Known limits",
    "DEVELOP": "Development",
    "CONTRIBUTORS": "Contributors",
}


def run(arguments):
    if arguments:
        raise DevError("usage: ./dev readme (it takes no arguments)")
    for addon, manifest in odoo_env.manifests().items():
        if (ROOT / addon / "readme").is_dir():
            (ROOT / addon / "README.md").write_text(assembled(addon, manifest))
    return 0


def assembled(addon, manifest):
    """Return the text of the README of an addon."""
    folder = ROOT / addon / "readme"
    unknown = {path.stem for path in folder.glob("*.md")} - set(FRAGMENTS)
    if unknown:
        raise DevError(f"{addon}/readme: unknown fragments {', '.join(sorted(unknown))}.")
    parts = [f"# {manifest['name']}", f"Version {manifest['version']}, {manifest['license']}."]
    for fragment, heading in FRAGMENTS.items():
        path = folder / f"{fragment}.md"
        if path.exists():
            parts += [f"## {heading}"] if heading else []
            parts.append(path.read_text().strip())
    return "\n\n".join(parts) + "\n"
