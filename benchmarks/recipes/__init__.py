"""What `recipe.py` compares, how each is trained and measured, and the tables of the outcome."""
