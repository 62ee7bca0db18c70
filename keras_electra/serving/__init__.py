"""A model behind HTTP: what it answers, how requests share batches, and the server around it."""
