"""The pretraining loop of `transformers`' users, for comparison: plain, or under `torch.compile`.

ElectraForMaskedLM and ElectraForPreTraining as their documentation suggests: vocabulary logits at every
place, labels of -100, `torch.multinomial`, AdamW, clipping to norm 1. On a GPU where there is one; under
autocast where the precision is bfloat16.
"""

import contextlib
import time


class PlainLoop:
    """One model pair and its optimizer; `step` trains on a batch of `pretrain_step.batch_of`.

    Args:
        config: `PretrainConfig` of the size and the rates.
        is_compiled: whether both networks go through `torch.compile`.
    """

    def __init__(self, config, is_compiled=False):
        import torch
        from transformers import ElectraForMaskedLM, ElectraForPreTraining

        self.torch = torch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.is_bfloat16 = config.dtype_policy == "mixed_bfloat16"
        narrow = config.objective.generator_encoder(config.encoder)
        discriminator = ElectraForPreTraining(self._config_of(config.encoder)).train()
        generator = ElectraForMaskedLM(self._config_of(narrow)).train()
        generator.electra.embeddings = discriminator.electra.embeddings
        generator.tie_weights()
        self.networks = torch.nn.ModuleList([generator, discriminator]).to(self.device)
        self.optimizer = torch.optim.AdamW(self.networks.parameters(), lr=5e-4, weight_decay=0.01)
        self.generator, self.discriminator = self.networks
        if is_compiled:
            self.generator = torch.compile(self.generator)
            self.discriminator = torch.compile(self.discriminator)

    def _config_of(self, encoder):
        from transformers import ElectraConfig

        return ElectraConfig(
            vocab_size=encoder.vocabulary_size,
            embedding_size=encoder.embedding_dim,
            hidden_size=encoder.hidden_dim,
            num_hidden_layers=encoder.num_layers,
            num_attention_heads=encoder.num_heads,
            intermediate_size=encoder.intermediate_dim,
            max_position_embeddings=encoder.max_sequence_length,
            hidden_dropout_prob=encoder.dropout_rate,
            attention_probs_dropout_prob=encoder.attention_dropout_rate,
        )

    def step(self, arrays):
        """(seconds, loss) of one step, the waiting for the device included."""
        torch = self.torch
        started = time.perf_counter()
        batch = {key: torch.from_numpy(value).to(self.device) for key, value in arrays.items()}
        token_ids = batch["token_ids"].long()
        is_masked = batch["slot_of_token"] < batch["mask_positions"].shape[1]
        labels = torch.where(is_masked, token_ids, -100)
        with self._precision():
            generated = self.generator(input_ids=batch["masked_ids"].long(), labels=labels)
            with torch.no_grad():
                probabilities = torch.softmax(generated.logits[is_masked].float(), dim=-1)
                sampled = torch.multinomial(probabilities, 1).squeeze(-1)
                corrupted = token_ids.clone()
                corrupted[is_masked] = sampled
            is_replaced = (corrupted != token_ids).long()
            detected = self.discriminator(input_ids=corrupted, labels=is_replaced)
            loss = generated.loss + 50.0 * detected.loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.networks.parameters(), 1.0)
        self.optimizer.step()
        loss = float(loss.detach())
        return time.perf_counter() - started, loss

    def _precision(self):
        if not self.is_bfloat16:
            return contextlib.nullcontext()
        return self.torch.autocast(self.device.type, dtype=self.torch.bfloat16)
