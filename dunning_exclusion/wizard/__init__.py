from . import dunning_block_wizard
