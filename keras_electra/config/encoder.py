"""Options of one encoder (a backbone), and the weights that they give it.

`EncoderConfig.body` is the only description of the architecture: building, parameter counts, FLOPs,
memory estimates, Muon's blocks and the targets of low-rank updates are computed from it.

Shapes: V vocabulary entries, E embedding width, H hidden width, I inner width of the feed-forward part.
"""

import dataclasses
from typing import Literal, NamedTuple

from keras_electra.config.options import Options, option, required

ELECTRA = {
    "norm_position": "post",
    "local_mixing_width": 0,
    "position_encoding": "learned",
    "feed_forward": "gelu",
}
MODERN = {**ELECTRA, "norm_position": "pre", "local_mixing_width": 3}
ARCHITECTURES = {
    "electra": ELECTRA,
    "modern": MODERN,
    "modern_rotary": {**MODERN, "position_encoding": "rotary"},
}
"""Named bundles of architecture options. A bundle never changes; a new one gets a new name."""
FEED_FORWARD_BLOCKS = {"gelu": 1, "geglu": 2}
"""Feed-forward -> how many projections (H, I) it has side by side before its activation."""
Direction = Literal["both", "left", "right"]
"""Which tokens an encoder sees: all, or only earlier (left) or later (right) ones."""


class Kernel(NamedTuple):
    """One dense product of an encoder for each token: (rows,) -> (columns,), then plus a bias.

    Attributes:
        name: of the weight (rows, columns); its bias (columns,) is called `bias_name`.
        blocks: matrices side by side in the columns, each of which Muon orthogonalizes by itself; 0
            where Muon is not used.
        targets: names that low-rank updates have for equal parts of the columns.
        is_glorot: whether it starts from Glorot's uniform and not from the truncated normal.
    """

    name: str
    rows: int
    columns: int
    blocks: int = 1
    targets: tuple[str, ...] = ()
    is_glorot: bool = False

    @property
    def bias_name(self) -> str:
        return self.name.replace("kernel", "bias")

    @property
    def size(self) -> int:
        """Its numbers, and its multiplications per token; the bias is not counted."""
        return self.rows * self.columns

    @property
    def num_parameters(self) -> int:
        return self.size + self.columns


class Norm(NamedTuple):
    """A LayerNorm: `{name}_gamma` and `{name}_beta`, (width,) each."""

    name: str
    width: int

    @property
    def num_parameters(self) -> int:
        return 2 * self.width


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderConfig(Options):
    """Everything that fixes the shape and the function of an `ElectraBackbone`.

    Example:

    >>> encoder = ke.EncoderConfig(
    ...     vocabulary_size=1000, hidden_dim=64, num_layers=2, num_heads=2, intermediate_dim=128,
    ...     embedding_dim=32,
    ... )
    >>> [(kernel.name, kernel.rows, kernel.columns) for kernel in encoder.kernels()[:2]]
    [('kernel', 32, 64), ('qkv_kernel', 64, 192)]
    """

    vocabulary_size: int = required("entries of the vocabulary (V)")
    hidden_dim: int = required("width of the encoder layers (H)")
    num_layers: int = required("encoder layers")
    num_heads: int = required("attention heads; must divide hidden_dim")
    intermediate_dim: int = required("width inside the feed-forward part")
    embedding_dim: int = required("width of the embeddings (E); projected when not hidden_dim")
    max_sequence_length: int = option(512, "rows of the position table, in tokens")
    num_segments: int = option(
        2, "rows of the segment table; with 1 all texts of an input share it"
    )
    dropout_rate: float = option(0.1, "fraction of activations dropped in training")
    attention_dropout_rate: float = option(0.1, "fraction of attention weights dropped in training")
    initializer_range: float = option(0.02, "standard deviation of the truncated normal start")
    norm_position: Literal["post", "pre"] = option(
        "post", "LayerNorm after or before each sublayer"
    )
    local_mixing_width: int = option(
        0, "tokens mixed around each place after the embeddings: 0 for none, else odd"
    )
    position_encoding: Literal["learned", "rotary"] = option(
        "learned", "a table added to the embeddings, or rotation of queries and keys"
    )
    feed_forward: Literal["gelu", "geglu"] = option(
        "gelu", "one activated projection, or one gated by a second (GEGLU)"
    )

    def check(self) -> None:
        self.require_range(
            "at least 1", "vocabulary_size hidden_dim num_layers num_heads intermediate_dim"
        )
        self.require_range("at least 1", "embedding_dim max_sequence_length num_segments")
        self.require(
            self.hidden_dim % self.num_heads == 0,
            "num_heads",
            f"a divisor of hidden_dim={self.hidden_dim}",
        )
        self.require_range("a fraction in [0, 1)", "dropout_rate attention_dropout_rate")
        self.require_range("more than 0", "initializer_range")
        width = self.local_mixing_width
        is_odd = width > 1 and width % 2 == 1
        self.require(width == 0 or is_odd, "local_mixing_width", "0 or odd")
        self.require(
            self.position_encoding == "learned" or (self.hidden_dim // self.num_heads) % 2 == 0,
            "position_encoding",
            "an even head width for 'rotary'",
        )

    def tables(self) -> dict[str, tuple[int, int]]:
        """Name -> shape (rows, E) of each table of the embeddings."""
        rows = {"token_embeddings": self.vocabulary_size}
        if self.position_encoding == "learned":
            rows["position_embeddings"] = self.max_sequence_length
        rows["segment_embeddings"] = self.num_segments
        return {name: (number, self.embedding_dim) for name, number in rows.items()}

    def projection(self) -> Kernel:
        """From the embeddings to the layers; part of the encoder where the two widths differ."""
        return Kernel("kernel", self.embedding_dim, self.hidden_dim, blocks=0, is_glorot=True)

    def mixed_offsets(self, direction: Direction = "both") -> range:
        """Offsets of the tokens that local mixing puts side by side, 0 included; empty without it."""
        reach = self.local_mixing_width // 2
        if not reach:
            return range(0)
        return range(0 if direction == "right" else -reach, 1 if direction == "left" else reach + 1)

    def mixing(self, direction: Direction = "both") -> tuple[Kernel, Kernel]:
        """Of the local mixing: gate and value of a window side by side, and the output."""
        hidden, window = self.hidden_dim, len(self.mixed_offsets(direction)) * self.hidden_dim
        gate = Kernel("gate_kernel", window, 2 * hidden, blocks=2, is_glorot=True)
        return gate, Kernel("output_kernel", hidden, hidden, is_glorot=True)

    def layer(self) -> tuple[Kernel, Kernel, Norm, Kernel, Kernel, Norm]:
        """Of one encoder layer: attention, then the feed-forward part."""
        hidden, inner = self.hidden_dim, self.intermediate_dim
        blocks = FEED_FORWARD_BLOCKS[self.feed_forward]
        return (
            Kernel("qkv_kernel", hidden, 3 * hidden, 3, ("query", "key", "value")),
            Kernel("attention_kernel", hidden, hidden, targets=("output",)),
            Norm("attention_norm", hidden),
            Kernel("intermediate_kernel", hidden, blocks * inner, blocks, ("feed_forward",)),
            Kernel("output_kernel", inner, hidden, targets=("feed_forward",)),
            Norm("output_norm", hidden),
        )

    def layer_kernels(self) -> list[Kernel]:
        """The dense products of one encoder layer; those of attention itself have no kernel."""
        return [part for part in self.layer() if isinstance(part, Kernel)]

    def body(self, direction: Direction = "both") -> list[Kernel | Norm]:
        """Everything with weights above the embeddings, in the order of the forward pass."""
        found: list[Kernel | Norm] = []
        if self.embedding_dim != self.hidden_dim:
            found.append(self.projection())
        if self.local_mixing_width:
            found += self.mixing(direction)
        found += self.num_layers * self.layer()
        if self.norm_position == "pre":
            found.append(Norm("norm", self.hidden_dim))
        return found

    def kernels(self, direction: Direction = "both") -> list[Kernel]:
        """The dense products that each token goes through, in their order."""
        return [part for part in self.body(direction) if isinstance(part, Kernel)]
