"""The price list and the model of a month."""
