"""The functions that this project is compared with; each module is the source of one of them."""
