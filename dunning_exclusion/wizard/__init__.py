from . import base_partner_merge, dunning_block_wizard, dunning_preview
