"""Both ends made, proven, operated."""
