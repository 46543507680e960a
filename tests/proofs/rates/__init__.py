"""Many operations at the same time, within the published request rates of AWS."""
