"""Sessions on their way into a store and out of it: backups, fine-tuning data, other packages' histories."""
