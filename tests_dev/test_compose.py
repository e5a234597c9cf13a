"""The container recipe names what is there, as far as that can be seen without an engine."""

import yaml

from devtools import odoo_env
from devtools.base import ROOT

RECIPE = yaml.safe_load((ROOT / "compose.yaml").read_text())
ODOO, DATABASE = RECIPE["services"]["odoo"], RECIPE["services"]["database"]


def test_images_are_the_official_ones_of_the_series():
    series = odoo_env.manifests()["dunning_exclusion"]["version"].rsplit(".", 3)[0]
    assert ODOO["image"] == f"odoo:{series}"
    assert DATABASE["image"].startswith("postgres:")


def test_odoo_waits_for_the_database_and_can_log_in():
    waits = ODOO["depends_on"]["database"]
    assert waits == {"condition": "service_healthy"} and DATABASE["healthcheck"]["test"]
    mine, theirs = ODOO["environment"], DATABASE["environment"]
    assert mine["HOST"] in RECIPE["services"]
    assert (mine["USER"], mine["PASSWORD"]) == (
        theirs["POSTGRES_USER"],
        theirs["POSTGRES_PASSWORD"],
    )


def test_what_is_mounted_exists():
    for service in RECIPE["services"].values():
        for source, target, *_mode in (volume.split(":") for volume in service["volumes"]):
            assert target.startswith("/")
            if source.startswith("."):
                assert (ROOT / source / "__manifest__.py").exists(), source
            else:
                assert source in RECIPE["volumes"], source


def test_it_is_reached_from_this_machine_only():
    assert all(port.startswith("127.0.0.1:") for port in ODOO["ports"])
