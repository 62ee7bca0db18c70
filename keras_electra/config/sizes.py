"""The named sizes: each sets every value of its recipe.

`small`, `base` and `large` are the paper's (Clark et al., 2020, table 6; `large` is the 400K-step
run). `tiny` and `mini` are this package's own, made to learn visibly on two processor cores.
"""

OWN = {
    "architecture": "modern_rotary",
    "embedding_dim": 128,
    "max_sequence_length": 512,
    "dropout_rate": 0.0,
    "attention_dropout_rate": 0.0,
    "mask_rate": 0.15,
    "hidden_optimizer": "muon",
    "beta_2": 0.98,
    "bias_correction": True,
}
PAPERS = {
    "architecture": "electra",
    "max_sequence_length": 512,
    "dropout_rate": 0.1,
    "attention_dropout_rate": 0.1,
    "mask_rate": 0.15,
    "sequence_length": 512,
    "learning_rate": 2e-4,
    "warmup_steps": 10_000,
}
SIZES = {
    "tiny": {
        **OWN,
        "hidden_dim": 128,
        "num_layers": 2,
        "num_heads": 2,
        "intermediate_dim": 512,
        "generator_width_fraction": 0.25,
        "sequence_length": 64,
        "batch_size": 16,
        "steps": 20_000,
        "learning_rate": 3e-3,
        "warmup_steps": 800,
    },
    "mini": {
        **OWN,
        "hidden_dim": 192,
        "num_layers": 6,
        "num_heads": 3,
        "intermediate_dim": 768,
        "generator_width_fraction": 0.5,
        "sequence_length": 128,
        "batch_size": 64,
        "steps": 100_000,
        "learning_rate": 2e-3,
        "warmup_steps": 4_000,
    },
    "small": {
        **PAPERS,
        "hidden_dim": 256,
        "num_layers": 12,
        "num_heads": 4,
        "intermediate_dim": 1024,
        "embedding_dim": 128,
        "generator_width_fraction": 0.25,
        "sequence_length": 128,
        "batch_size": 128,
        "steps": 1_000_000,
        "learning_rate": 5e-4,
    },
    "base": {
        **PAPERS,
        "hidden_dim": 768,
        "num_layers": 12,
        "num_heads": 12,
        "intermediate_dim": 3072,
        "embedding_dim": 768,
        "generator_width_fraction": 1 / 3,
        "batch_size": 256,
        "steps": 766_000,
    },
    "large": {
        **PAPERS,
        "hidden_dim": 1024,
        "num_layers": 24,
        "num_heads": 16,
        "intermediate_dim": 4096,
        "embedding_dim": 1024,
        "generator_width_fraction": 0.25,
        "mask_rate": 0.25,
        "batch_size": 2048,
        "steps": 400_000,
    },
}


def size_named(hidden_dim: int, num_layers: int) -> str | None:
    """The named size of this width and depth, or None."""
    shape = hidden_dim, num_layers
    sizes = (n for n, r in SIZES.items() if (r["hidden_dim"], r["num_layers"]) == shape)
    return next(sizes, None)
