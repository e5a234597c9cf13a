"""The benchmark of the repository; its parts run in Odoo's shell: see README.md."""
