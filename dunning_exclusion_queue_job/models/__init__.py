from . import dunning_automation, dunning_run, dunning_sender, mail_mail
