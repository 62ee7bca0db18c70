"""The joint objective, written once: generate, corrupt, detect."""

import math

import keras
from keras import ops

from keras_electra import backends
from keras_electra.assembly import Assembly
from keras_electra.assets import TokenizerAsset
from keras_electra.config.encoder import EncoderConfig
from keras_electra.config.masking import MaskingConfig
from keras_electra.config.objective import ObjectiveConfig
from keras_electra.config.pretrain import PretrainConfig
from keras_electra.errors import InputError
from keras_electra.heads import CopyHead
from keras_electra.sampling import (
    mean_of_duplicates,
    read_logits,
    replace_tokens,
    sample_tokens,
    sample_uniformly,
)
from keras_electra.statistics import PretrainStatistics


@keras.saving.register_keras_serializable("keras_electra")
class ElectraPretrainer(TokenizerAsset, backends.TrainStep, keras.Model):
    """Trains a generator and a discriminator together (Clark et al., 2020).

    Shapes: B examples, T tokens, K masked places, V vocabulary entries.

    Called with a batch of `PretrainBatches` (`batches.py` lists its arrays); returns the small arrays
    that losses and figures need, nothing of size V. If the batch holds `sampled_ids` (B, K), they
    stand in for the generator's samples.

    Args:
        encoder: `EncoderConfig` of the discriminator, or its dict.
        objective: `ObjectiveConfig` or its dict: what is learned.
        masking: `MaskingConfig` or its dict; its rate enters Electric's logits, and its selection
            decides what happens to places drawn twice.
        seed: decides the starting weights and the dropout noise.
        accumulation_steps: micro-batches that `train_step` processes a batch in.
        rematerialize: whether the layers' inner results are computed twice instead of kept.

    Attributes:
        generator: `MaskedLanguageModel`, `TwoTowerGenerator`, or None when tokens are drawn uniformly.
        discriminator: `ReplacedTokenDetector`; a `MaskedLanguageModel` for the MLM ablations; None for
            plain masked language modelling.
        backbone: the encoder that is kept.
        tokenizer: the `WordPieceTokenizer` it was loaded with, or None.
        sequence_length: tokens per example in its training, or None; longer text is judged in windows.
    """

    def __init__(
        self,
        encoder,
        objective=None,
        masking=None,
        *,
        seed=0,
        accumulation_steps=1,
        rematerialize=False,
        name="electra_pretrainer",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.autocast = False
        self.encoder = _options(EncoderConfig, encoder)
        self.objective = _options(ObjectiveConfig, objective or {})
        self.masking = _options(MaskingConfig, masking or {})
        self.seed = seed
        self.accumulation_steps = accumulation_steps
        self.tokenizer = None
        self.sequence_length = None
        self.step = self.tokens = 0
        assembly = Assembly(self.encoder, self.objective, seed, self.dtype_policy)
        self.generator = assembly.generator
        self.discriminator = assembly.discriminator
        if self.objective.has_frozen_generator:
            self.generator.trainable = False
        self.rematerialize = rematerialize
        for backbone in assembly.backbones:
            backbone.rematerialize = rematerialize
        self.copy_head = None
        if self.objective.objective == "all_tokens_mlm":
            self.copy_head = CopyHead(name="copy_head", seed=seed, dtype=self.dtype_policy)
            self.copy_head.build((None, None, self.encoder.hidden_dim))
        self.statistics = PretrainStatistics(self.objective.has_detector)
        self.built = True

    @classmethod
    def from_size(cls, size: str, vocabulary_size: int, **changes):
        """The networks of a named size; `changes` are options of `PretrainConfig` by name."""
        return cls.from_recipe(PretrainConfig.from_size(size, vocabulary_size, **changes))

    @classmethod
    def from_recipe(cls, config: PretrainConfig):
        """The networks that a `PretrainConfig` describes."""
        return cls(
            config.encoder,
            config.objective,
            config.masking,
            seed=config.seed,
            accumulation_steps=config.optimizer.accumulation_steps,
            rematerialize=config.rematerialize,
            dtype=config.dtype_policy,
        )

    @property
    def backbone(self):
        return (self.discriminator or self.generator).backbone

    def call(self, batch, training=None):
        outputs = self.generated(batch, training)
        if self.discriminator is None:
            return outputs
        corrupted = {**batch, "token_ids": outputs["corrupted_ids"]}
        if self.objective.has_detector:
            return {**outputs, **self.detected(batch, corrupted, outputs, training)}
        return {**outputs, **self.corrected(batch, corrupted, training)}

    def generated(self, batch, training=None):
        """The generator's part.

        Returns:
            A dict of `generator_losses` and their `generator_weights`, which training uses: (B, K), or
            (B, T) for the two-tower generator, which predicts every token; and at the masked places
            (B, K) `mlm_losses`, `generator_hits` (argmax equals the original), `sampled_hits`,
            `sampled_ids`, `mlm_weights`; and `corrupted_ids` (B, T).
        """
        original_ids = ops.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
        outputs, masses = self._generator_losses(batch, original_ids, training)
        sampled_ids = batch.get("sampled_ids")
        if sampled_ids is None:
            sampled_ids = self._sampled(masses, original_ids, batch["uniform_draws"])
        inserted_ids = sampled_ids
        if self.masking.selection == "original":
            inserted_ids = mean_of_duplicates(
                sampled_ids, batch["mask_positions"], batch["mask_weights"]
            )
        corrupted_ids = replace_tokens(batch["token_ids"], batch["slot_of_token"], inserted_ids)
        if self.objective.objective == "electric":
            noise_losses, _, _ = read_logits(outputs.pop("all_logits"), corrupted_ids)
            outputs["log_noise"] = ops.stop_gradient(-noise_losses)
        outputs.pop("all_logits", None)
        return {
            **outputs,
            "mlm_weights": batch["mask_weights"],
            "sampled_hits": ops.cast(sampled_ids == original_ids, "float32"),
            "sampled_ids": sampled_ids,
            "corrupted_ids": corrupted_ids,
        }

    def _generator_losses(self, batch, original_ids, training):
        """(losses and hits, masses (B, K, V) or None for the uniform generator)."""
        if self.objective.has_frozen_generator:
            training = False
        if self.generator is None:
            zeros = ops.zeros_like(batch["mask_weights"])
            losses = zeros + math.log(self.encoder.vocabulary_size)
            return {
                "generator_losses": losses,
                "generator_weights": batch["mask_weights"],
                "mlm_losses": losses,
                "generator_hits": zeros,
            }, None
        if self.objective.generator == "two_tower":
            return self._two_tower_losses(batch, original_ids, training)
        masked = {**batch, "token_ids": batch["masked_ids"]}
        logits = ops.cast(self.generator(masked, training=training), "float32")
        losses, hits, masses = self._read(logits, original_ids)
        return {
            "generator_losses": losses,
            "generator_weights": batch["mask_weights"],
            "mlm_losses": losses,
            "generator_hits": hits,
        }, masses

    def _two_tower_losses(self, batch, original_ids, training):
        """As above, trained on every token of the clean text; `all_logits` (B, T, V) for Electric."""
        clean = {name: value for name, value in batch.items() if name != "mask_positions"}
        all_logits = ops.cast(self.generator(clean, training=training), "float32")
        all_losses, _, _ = read_logits(all_logits, batch["token_ids"])
        logits = backends.gather_places(all_logits, batch["mask_positions"])
        losses, hits, masses = self._read(logits, original_ids)
        return {
            "generator_losses": all_losses,
            "generator_weights": self.generator_weights(batch),
            "mlm_losses": losses,
            "generator_hits": hits,
            "all_logits": all_logits,
        }, masses

    def _read(self, logits, original_ids):
        """As `read_logits`, with the masses of what may be drawn."""
        return read_logits(logits, original_ids, self.objective.correct_token_allowed)

    def _sampled(self, masses, original_ids, uniform_draws):
        excludes = not self.objective.correct_token_allowed
        if masses is None:
            excluded_ids = original_ids if excludes else None
            return sample_uniformly(uniform_draws, self.encoder.vocabulary_size, excluded_ids)
        temperature = self.objective.temperature
        return sample_tokens(masses, uniform_draws, temperature, has_excluded=excludes)

    def detected(self, batch, corrupted, outputs, training=None):
        """The discriminator's part: `rtd_logits`, `rtd_losses`, `is_replaced`, `rtd_weights` (B, T).

        Electric's label is whether the place was drawn, and its logit is the energy corrected by the
        noise distribution: `E + log q + ln(rate / (1 - rate))` (Clark et al., 2020b, section 2).
        """
        logits = ops.cast(self.discriminator(corrupted, training=training), "float32")
        is_replaced = corrupted["token_ids"] != batch["token_ids"]
        if self.objective.objective == "electric":
            rate = self.masking.mask_rate
            logits = logits + outputs["log_noise"] + math.log(rate / (1 - rate))
            is_replaced = self._is_masked(batch)
        label = ops.cast(is_replaced, "float32")
        losses = ops.relu(logits) - logits * label + ops.log1p(ops.exp(-ops.absolute(logits)))
        return {
            "rtd_logits": logits,
            "rtd_losses": losses,
            "is_replaced": is_replaced,
            "rtd_weights": self.second_weights(batch),
        }

    def corrected(self, batch, corrupted, training=None):
        """The MLM ablations' part: `correction_losses` and `correction_weights`, (B, K) or (B, T)."""
        if self.copy_head is None:
            original_ids = ops.take_along_axis(batch["token_ids"], batch["mask_positions"], axis=1)
            logits = ops.cast(self.discriminator(corrupted, training=training), "float32")
            losses, _, _ = read_logits(logits, original_ids)
        else:
            losses = self._copy_or_correct_losses(batch, corrupted, training)
        return {"correction_losses": losses, "correction_weights": self.second_weights(batch)}

    def _copy_or_correct_losses(self, batch, corrupted, training):
        """-log(D * [input is the answer] + (1 - D) * softmax(answer)) at every place (B, T)."""
        hidden = self.discriminator.backbone(corrupted, training=training)
        table = self.discriminator.backbone.embeddings.table()
        logits = ops.cast(self.discriminator.head(hidden, table), "float32")
        log_copied, log_written = self.copy_head(hidden)
        losses, _, _ = read_logits(logits, batch["token_ids"])
        written = log_written - losses
        is_answer = corrupted["token_ids"] == batch["token_ids"]
        copied = ops.where(is_answer, log_copied, -1e9)
        return -ops.logaddexp(copied, written)

    # Which places count

    def generator_weights(self, batch):
        """(B, K) or (B, T) of 0 and 1: where the generator is trained."""
        if self.objective.generator == "two_tower":
            return ops.cast(batch["maskable"], "float32")
        return batch["mask_weights"]

    def second_weights(self, batch):
        """(B, T) or (B, K) of 0 and 1: where the second network is trained."""
        objective = self.objective.objective
        if objective == "replace_mlm":
            return batch["mask_weights"]
        if objective == "all_tokens_mlm":
            return ops.cast(batch["maskable"], "float32")
        if objective == "rtd_masked_only":
            return ops.cast(self._is_masked(batch), "float32")
        if batch.get("padding_mask") is None:
            return ops.ones_like(ops.cast(batch["token_ids"], "float32"))
        return ops.cast(batch["padding_mask"], "float32")

    def _is_masked(self, batch):
        return batch["slot_of_token"] < ops.shape(batch["mask_positions"])[1]

    def loss_totals(self, batch):
        """Sums of weights over a whole batch, by which its micro-batches divide their losses."""
        totals = {"generator": ops.sum(self.generator_weights(batch))}
        if self.discriminator is not None:
            totals["second"] = ops.sum(self.second_weights(batch))
        return totals

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """`mlm_weight * mlm_loss + rtd_weight * rtd_loss`; the figures are updated on the way.

        Each loss is a mean over the places that count in the whole batch. The MLM ablations add their
        second loss with weight 1: it is of the same kind as the first.
        """
        totals = x.get("totals") or self.loss_totals(x)
        self.statistics.update_state(y_pred)
        generator_sum = ops.sum(y_pred["generator_losses"] * y_pred["generator_weights"])
        loss = self.objective.mlm_weight * generator_sum / ops.maximum(totals["generator"], 1.0)
        if self.objective.has_detector:
            second = ops.sum(y_pred["rtd_losses"] * y_pred["rtd_weights"])
            loss += self.objective.rtd_weight * second / ops.maximum(totals["second"], 1.0)
        elif self.discriminator is not None:
            second = ops.sum(y_pred["correction_losses"] * y_pred["correction_weights"])
            loss += second / ops.maximum(totals["second"], 1.0)
        return backends.scaled_for_replicas(loss)

    def get_config(self):
        return {
            "encoder": self.encoder.to_dict(),
            "objective": self.objective.to_dict(),
            "masking": self.masking.to_dict(),
            "seed": self.seed,
            "accumulation_steps": self.accumulation_steps,
            "rematerialize": self.rematerialize,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config):
        policy = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**{**config, "dtype": policy})


def _options(kind, values):
    return kind.from_dict(values) if isinstance(values, dict) else values


def refuse_others(model) -> None:
    """Raise `InputError` for a model that is no `ElectraPretrainer`, such as a fine-tuned one."""
    if not isinstance(model, ElectraPretrainer):
        raise InputError(f"model: expected a pretrained model, received a {type(model).__name__}")
