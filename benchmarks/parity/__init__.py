"""The two sides of `finetune_parity.py`, what they are given, and what is made of their figures."""
