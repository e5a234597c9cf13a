from . import outstanding_statement
