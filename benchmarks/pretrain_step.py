"""Seconds per pretraining step: every installed backend and a plain PyTorch loop, interleaved.

    python benchmarks/pretrain_step.py --size small --batch-size 32 --sequence-length 128

Each contestant is a process of its own that makes one step when asked, so all of them see the same
disturbances of the machine. The plain loop trains `transformers`' ElectraForMaskedLM and
ElectraForPreTraining as their documentation suggests: vocabulary logits at every place, labels of -100,
`torch.multinomial`, AdamW, clipping. Both sides mask on the host with the same function.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import platform
import statistics
import time

VOCABULARY_SIZE = 30_522
PLAIN = "plain PyTorch"


def batch_of(rng, options, step):
    """A batch of Zipf-distributed ids, [CLS] first and [SEP] last, masked as in training."""
    from keras_electra.config.masking import MaskingConfig
    from keras_electra.masking import SpecialIds, mask_batch

    special = SpecialIds(0, 100, 101, 102, 103)
    shape = (options.batch_size, options.sequence_length)
    token_ids = (rng.zipf(1.2, shape) % (VOCABULARY_SIZE - 1000) + 1000).astype("int32")
    token_ids[:, 0], token_ids[:, -1] = special.class_id, special.separator_id
    masked = mask_batch(
        token_ids,
        config=MaskingConfig(),
        special=special,
        vocabulary_size=VOCABULARY_SIZE,
        seed=0,
        step=step,
    )
    maskable = (token_ids != special.class_id) & (token_ids != special.separator_id)
    return {"token_ids": token_ids, "segment_ids": token_ids * 0, "maskable": maskable, **masked}


def work(pipe, name, options, dropout_rate):
    """The life of a contestant: build, then a step per request."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    run = run_plain_loop if name == PLAIN else run_ours
    run(pipe, name, options, dropout_rate)


def run_ours(pipe, name, options, dropout_rate):
    os.environ["KERAS_BACKEND"] = name
    import keras
    import numpy as np

    from keras_electra.config.pretrain import PretrainConfig
    from keras_electra.optimizers import ElectraAdamW
    from keras_electra.pretrainer import ElectraPretrainer

    rng = np.random.default_rng(0)

    class Batches(keras.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return (batch_of(rng, options, index),)

    class OneAtATime(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if pipe.recv() != "step":
                self.model.stop_training = True
                raise KeyboardInterrupt
            self.started = time.perf_counter()

        def on_train_batch_end(self, batch, logs=None):
            # `logs` are floats here: the step is over.
            pipe.send((time.perf_counter() - self.started, float(logs["loss"])))

    config = PretrainConfig.from_size(
        options.size,
        VOCABULARY_SIZE,
        batch_size=options.batch_size,
        sequence_length=options.sequence_length,
        dropout_rate=dropout_rate,
        attention_dropout_rate=dropout_rate,
        dtype_policy=options.dtype_policy,
    )
    model = ElectraPretrainer.from_recipe(config)
    model.compile(optimizer=ElectraAdamW(config.optimizer, config.steps))
    model.optimizer.build(model.trainable_variables)
    try:
        model.fit(
            Batches(), steps_per_epoch=10**6, verbose=0, shuffle=False, callbacks=[OneAtATime()]
        )
    except KeyboardInterrupt:
        return


def run_plain_loop(pipe, name, options, dropout_rate):
    import numpy as np
    import torch
    from transformers import ElectraConfig, ElectraForMaskedLM, ElectraForPreTraining

    from keras_electra.config.pretrain import PretrainConfig

    recipe = PretrainConfig.from_size(options.size, VOCABULARY_SIZE)
    width, generator_encoder = (
        recipe.encoder,
        recipe.encoder.narrowed(
            recipe.objective.generator_width_fraction, recipe.objective.generator_depth_fraction
        ),
    )

    def config(encoder):
        return ElectraConfig(
            vocab_size=VOCABULARY_SIZE,
            embedding_size=encoder.embedding_dim,
            hidden_size=encoder.hidden_dim,
            num_hidden_layers=encoder.num_layers,
            num_attention_heads=encoder.num_heads,
            intermediate_size=encoder.intermediate_dim,
            hidden_dropout_prob=dropout_rate,
            attention_probs_dropout_prob=dropout_rate,
        )

    discriminator = ElectraForPreTraining(config(width)).train()
    generator = ElectraForMaskedLM(config(generator_encoder)).train()
    generator.electra.embeddings = discriminator.electra.embeddings
    generator.tie_weights()
    networks = torch.nn.ModuleList([generator, discriminator])
    optimizer = torch.optim.AdamW(networks.parameters(), lr=5e-4, weight_decay=0.01)
    rng, step = np.random.default_rng(0), 0
    while pipe.recv() == "step":
        started = time.perf_counter()
        batch = {
            key: torch.from_numpy(value) for key, value in batch_of(rng, options, step).items()
        }
        token_ids = batch["token_ids"].long()
        is_masked = batch["slot_of_token"] < batch["mask_positions"].shape[1]
        labels = torch.where(is_masked, token_ids, -100)
        generated = generator(input_ids=batch["masked_ids"].long(), labels=labels)
        with torch.no_grad():
            probabilities = torch.softmax(generated.logits[is_masked].float(), dim=-1)
            sampled = torch.multinomial(probabilities, 1).squeeze(-1)
            corrupted = token_ids.clone()
            corrupted[is_masked] = sampled
        detected = discriminator(input_ids=corrupted, labels=(corrupted != token_ids).long())
        loss = generated.loss + 50.0 * detected.loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
        optimizer.step()
        step += 1
        pipe.send((time.perf_counter() - started, float(loss.detach())))


def measure(options, dropout_rate):
    """Seconds per step and first loss of each contestant, steps interleaved."""
    contestants = [*options.backends, PLAIN]
    context = multiprocessing.get_context("spawn")
    pipes, first_losses, compile_seconds = {}, {}, {}
    for name in contestants:
        pipes[name], end = context.Pipe()
        context.Process(target=work, args=(end, name, options, dropout_rate), daemon=True).start()
        pipes[name].send("step")
        compile_seconds[name], first_losses[name] = pipes[name].recv()
    seconds = {name: [] for name in contestants}
    for number in range(options.warmup_steps + options.steps):
        for name in contestants:
            pipes[name].send("step")
            elapsed, _ = pipes[name].recv()
            if number >= options.warmup_steps:
                seconds[name].append(elapsed)
    for pipe in pipes.values():
        pipe.send("stop")
    return [
        row(name, seconds, compile_seconds[name], first_losses[name], options, dropout_rate)
        for name in contestants
    ]


def row(name, seconds, compile_seconds, first_loss, options, dropout_rate):
    """One result, with its ratio to the plain loop of the same run."""
    median = statistics.median(seconds[name])
    return {
        "contestant": name,
        "size": options.size,
        "batch_size": options.batch_size,
        "sequence_length": options.sequence_length,
        "dtype_policy": options.dtype_policy,
        "dropout_rate": dropout_rate,
        "median_seconds": round(median, 4),
        "min_seconds": round(min(seconds[name]), 4),
        "max_seconds": round(max(seconds[name]), 4),
        "tokens_per_second": round(options.batch_size * options.sequence_length / median),
        "times_plain": round(statistics.median(seconds[PLAIN]) / median, 2),
        "first_step_seconds": round(compile_seconds, 1),
        "first_loss": round(first_loss, 2),
    }


def main():
    installed = [n for n in ("jax", "tensorflow", "torch") if importlib.util.find_spec(n)]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="small")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sequence-length", type=int, default=128)
    parser.add_argument("--dtype-policy", default="float32")
    parser.add_argument("--dropout-rates", type=float, nargs="+", default=[0.1, 0.0])
    parser.add_argument("--backends", nargs="+", default=installed)
    parser.add_argument("--steps", type=int, default=9, help="steps counted")
    parser.add_argument("--warmup-steps", type=int, default=2)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}")
    for dropout_rate in options.dropout_rates:
        for result in measure(options, dropout_rate):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
