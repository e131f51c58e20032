"""Features: what each one means, which the data allows, and their values for one snapshot."""
