"""Pure rules: values in, values out. No network, files, clock or randomness."""
