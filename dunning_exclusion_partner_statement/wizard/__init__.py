from . import outstanding_statement_wizard
