"""The hyper-parameters of the original program (google-research/electra): names and defaults."""

SIZES_THERE = ("small", "base", "large")
DEFAULTS_CHOICES = ("paper", "original")

DEFAULTS = {
    "debug": False,
    "do_train": True,
    "do_eval": False,
    "electra_objective": True,
    "electric_objective": False,
    "gen_weight": 1.0,
    "disc_weight": 50.0,
    "mask_prob": 0.15,
    "learning_rate": 5e-4,
    "lr_decay_power": 1.0,
    "weight_decay_rate": 0.01,
    "num_warmup_steps": 10_000,
    "iterations_per_loop": 200,
    "save_checkpoints_steps": 1_000,
    "num_train_steps": 1_000_000,
    "num_eval_steps": 100,
    "keep_checkpoint_max": 5,
    "model_size": "small",
    "model_hparam_overrides": {},
    "embedding_size": None,
    "vocab_size": 30_522,
    "do_lower_case": True,
    "uniform_generator": False,
    "two_tower_generator": False,
    "untied_generator_embeddings": False,
    "untied_generator": True,
    "generator_layers": 1.0,
    "generator_hidden_size": 0.25,
    "disallow_correct": False,
    "temperature": 1.0,
    "max_seq_length": 128,
    "train_batch_size": 128,
    "eval_batch_size": 128,
    "use_tpu": False,
    "num_tpu_cores": 1,
    "tpu_job_name": None,
    "tpu_name": None,
    "tpu_zone": None,
    "gcp_project": None,
    "pretrain_tfrecords": None,
    "vocab_file": None,
    "model_dir": None,
    "results_txt": None,
    "results_pkl": None,
    "max_predictions_per_seq": None,
}
"""Every hyper-parameter of the original; None where it is derived from others."""

NAMES_HERE = {
    "gen_weight": "mlm_weight",
    "disc_weight": "rtd_weight",
    "mask_prob": "mask_rate",
    "learning_rate": "learning_rate",
    "lr_decay_power": "decay_power",
    "weight_decay_rate": "weight_decay_rate",
    "num_warmup_steps": "warmup_steps",
    "save_checkpoints_steps": "checkpoint_every_steps",
    "num_train_steps": "steps",
    "keep_checkpoint_max": "keep_checkpoints",
    "embedding_size": "embedding_dim",
    "vocab_size": "vocabulary_size",
    "generator_layers": "generator_depth_fraction",
    "generator_hidden_size": "generator_width_fraction",
    "temperature": "temperature",
    "max_seq_length": "sequence_length",
    "train_batch_size": "batch_size",
}
"""Those that are one option here."""

ENCODER_NAMES = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "hidden_dropout_prob": "dropout_rate",
    "attention_probs_dropout_prob": "attention_dropout_rate",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
    "initializer_range": "initializer_range",
}
"""Keys of `model_hparam_overrides`."""

TPU = "runs on a TPU of its own kind are not offered; choose a device with --backend"
MEANINGLESS = {
    "iterations_per_loop": "it is about TPUs: here nothing is read back between two log rows",
    "use_tpu": TPU,
    "num_tpu_cores": TPU,
    "tpu_job_name": TPU,
    "tpu_name": TPU,
    "tpu_zone": TPU,
    "gcp_project": TPU,
    "pretrain_tfrecords": "text comes from the folder `store` in --data-dir, made by `prepare`, or of "
    "such files by `store import`",
    "results_txt": "the original never writes it; `evaluate --json` prints the results",
    "results_pkl": "the original never writes it; `evaluate --json` prints the results",
    "max_predictions_per_seq": "it follows from mask_prob and max_seq_length, there as here",
}
"""Those that nothing here corresponds to, and why; only their defaults are accepted."""

DEBUG = {
    "hidden_dim": 144,
    "num_layers": 3,
    "num_heads": 4,
    "intermediate_dim": 576,
    "batch_size": 8,
    "steps": 20,
}
DEBUG_EVALUATION = {"eval_batch_size": 4, "num_eval_steps": 2}

WITHOUT_NAME_THERE = {"selection": "original", "warmup_form": "original", "packing": "original"}
"""What the original always does and is a choice here."""

CHOICES_THERE = {
    NAMES_HERE[name]: DEFAULTS[name]
    for name in NAMES_HERE
    if name not in ("embedding_size", "vocab_size")
} | WITHOUT_NAME_THERE
"""The original's default of every option that the paper's recipes or this package set otherwise."""
