"""How good a network is: figures, pictures, and what is near to what."""
