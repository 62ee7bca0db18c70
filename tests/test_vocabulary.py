"""Vocabularies: any alphabet and size, words without spaces, filling up, and extending an old one."""

import random
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_electra import corpus
from keras_electra.config.tokenizer import TokenizerConfig
from keras_electra.errors import InputError
from keras_electra.tokenizer import SPECIAL_TOKENS, LineEncoder, WordPieceTokenizer, training
from keras_electra.tokenizer.extending import extend, former_pieces
from keras_electra.tokenizer.normalization import cut_words

SEA = [
    "The keeper lit the lamp before the storm, and the storm went by the lamp.",
    "Lighters and lamplighters light lamps; the lightest lamp is lit the latest.",
    "Storms stormed the stormy stones.",
    "Quick, wax the five dozen jugs of grey paint by the hut!",
] * 4
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWYBXZUO"


def proteins(num_letters, seed=0):
    """Lines of one long word each, in which some motifs recur."""
    draw = random.Random(seed)
    motifs = ["".join(draw.choices(AMINO_ACIDS[:20], k=draw.randint(3, 8))) for _ in range(40)]
    lines, total = [], 0
    while total < num_letters:
        parts = [
            draw.choice(motifs) if draw.random() < 0.5 else "".join(draw.choices(AMINO_ACIDS, k=4))
            for _ in range(draw.randint(10, 120))
        ]
        lines.append("".join(parts))
        total += len(lines[-1])
    return lines


class TestFilling:
    @pytest.mark.parametrize("multiple", [1, 8, 64])
    def test_to_a_multiple(self, multiple):
        plain = WordPieceTokenizer.train(SEA, 90, num_unused=3)
        filled = WordPieceTokenizer.train(SEA, 90, num_unused=3, multiple_of=multiple)
        size = plain.vocabulary_size
        assert filled.vocabulary[:size] == plain.vocabulary
        assert filled.vocabulary_size == -(-size // multiple) * multiple
        added = [f"[unused{n}]" for n in range(3, 3 + filled.vocabulary_size - size)]
        assert list(filled.vocabulary[size:]) == added

    def test_wrong_multiple(self):
        with pytest.raises(InputError, match="multiple_of: expected at least 1, received 0"):
            WordPieceTokenizer.train(SEA, 90, multiple_of=0)


class TestScripts:
    @pytest.mark.parametrize(
        "text",
        [
            "Маяк стоит на скале, и маяк светит всю ночь.",
            "Ο φάρος στέκεται στον βράχο και φωτίζει τη νύχτα.",
            "المنارة على الصخرة، والمنارة تضيء الليل",
            "המגדלור עומד על הסלע",
            "चट्टान पर दीपस्तंभ खड़ा है",
            "등대는 바위 위에 서 있다",
            "ประภาคารตั้งอยู่บนโขดหินและส่องแสงทั้งคืน",
            "灯台は岩の上に立ち、夜通し光る。",
            "灯塔立在岩石上，整夜发光。",
            "𐌰𐌹𐌽 𐌳𐌰𐌲𐍃",
        ],
    )
    def test_every_word_can_be_written(self, text):
        tokenizer = WordPieceTokenizer.train([text] * 3, 400)
        ids = tokenizer.encode(text)
        assert tokenizer.unknown_id not in ids
        assert "".join(tokenizer.decode(ids).split()) == "".join(tokenizer.normalize(text).split())

    def test_ideographs_are_words(self):
        tokenizer = WordPieceTokenizer.train(["灯塔立在岩石上"] * 5, 100)
        assert [token for token in tokenizer.vocabulary if len(token) > 1] == list(SPECIAL_TOKENS)

    def test_scripts_with_thousands_of_letters(self):
        letters = [chr(0x4E00 + n) for n in range(3000)]
        texts = ["".join(letters)] * 3 + ["plain words " * 20]
        tokenizer = WordPieceTokenizer.train(texts, 16_000)
        assert len(set(letters) & set(tokenizer.vocabulary)) > 2990
        # A small vocabulary keeps room for pieces.
        assert WordPieceTokenizer.train(texts, 4000).vocabulary_size <= 4000

    def test_rare_letters_are_left_out(self):
        rare = "".join(chr(0x4E00 + n) for n in range(3000))
        tokenizer = WordPieceTokenizer.train(["many more plain words " * 100_000, rare], 16_000)
        assert sum(token in rare for token in tokenizer.vocabulary) < training.MAX_ALPHABET

    def test_long_runs_stay_bounded(self, monkeypatch):
        monkeypatch.setattr(training, "MAX_LETTERS", 2000)
        draw = random.Random(1)
        lines = ["".join(draw.choices("กขคงจฉชซ", k=60)) for _ in range(500)]
        seen = []
        learn = training.learn_pieces
        monkeypatch.setattr(
            training, "learn_pieces", lambda words, *rest: seen.append(words) or learn(words, *rest)
        )
        first = WordPieceTokenizer.train(lines, 200)
        assert sum(map(len, seen[0])) <= 2000
        assert WordPieceTokenizer.train(reversed(lines), 200).vocabulary == first.vocabulary


class TestSizes:
    def test_small(self):
        config = TokenizerConfig(max_word_characters=1, cuts_long_words=True)
        tokenizer = WordPieceTokenizer.train(proteins(5000), 32, config, multiple_of=8)
        assert tokenizer.vocabulary_size == 32
        assert tokenizer.vocabulary[5:30] == tuple(sorted(AMINO_ACIDS.lower()))
        line = proteins(100)[0]
        assert tokenizer.decode(tokenizer.encode(line)) == " ".join(line.lower())

    def test_too_small_says_how_many(self):
        with pytest.raises(
            InputError, match="vocabulary_size: expected at least 55 .* received 54"
        ):
            WordPieceTokenizer.train(
                proteins(5000), 54, TokenizerConfig(max_word_characters=10_000)
            )
        assert (
            WordPieceTokenizer.train(
                proteins(5000), 55, TokenizerConfig(max_word_characters=10_000)
            ).vocabulary_size
            == 55
        )

    @pytest.mark.full
    def test_large(self):
        draw = random.Random(0)
        syllables = [a + b for a in "bcdfghjklmnpqrstvwz" for b in "aeiou"]
        words = ["".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(300_000)]
        texts = [" ".join(words[n : n + 100]) for n in range(0, len(words), 100)] * 2
        tokenizer = WordPieceTokenizer.train(texts, 131_072)
        assert tokenizer.vocabulary_size == 131_072


class TestLongWords:
    CUT = TokenizerConfig(max_word_characters=32, cuts_long_words=True)

    @given(st.text(st.sampled_from("ab \t"), max_size=40), st.integers(1, 9))
    def test_cut_words(self, text, most):
        cut = cut_words(text, most)
        assert "".join(cut.split()) == "".join(text.split())
        assert all(len(word) <= most for word in cut.split())
        expected = [
            word[start : start + most]
            for word in text.split()
            for start in range(0, len(word), most)
        ]
        assert cut.split() == expected

    def test_nothing_is_unknown(self):
        lines = proteins(20_000)
        tokenizer = WordPieceTokenizer.train(lines, 300, self.CUT)
        assert tokenizer.vocabulary_size == 300
        for line in lines[:20]:
            ids = tokenizer.encode(line)
            assert tokenizer.unknown_id not in ids
            assert len(ids) < len(line) * 0.7
            assert tokenizer.decode(ids).replace(" ", "") == line.lower()

    def test_without_cutting_they_are_unknown(self):
        lines = proteins(20_000)
        tokenizer = WordPieceTokenizer.train([*lines, "MK"], 300)
        assert tokenizer.encode("M" * 201) == [tokenizer.unknown_id]
        with pytest.raises(InputError, match="at most 10 characters, received none"):
            WordPieceTokenizer.train(["M" * 11], 300, TokenizerConfig(max_word_characters=10))

    def test_offsets(self):
        config = TokenizerConfig(max_word_characters=3, cuts_long_words=True)
        tokenizer = WordPieceTokenizer([*SPECIAL_TOKENS, "abc", "de", "e"], config)
        text = "x ÀBCDÉ,abc abcabcé"
        ids, tokens, offsets = tokenizer.encode_with_offsets(text)
        assert ids == tokenizer.encode(text)
        wanted = [
            ("[UNK]", "x"),
            ("abc", "ÀBC"),
            ("de", "DÉ"),
            ("[UNK]", ","),
            ("abc", "abc"),
            ("abc", "abc"),
            ("abc", "abc"),
            ("e", "é"),
        ]
        assert [(token, text[a:b]) for token, (a, b) in zip(tokens, offsets, strict=True)] == wanted

    def test_every_way_of_encoding_agrees(self):
        lines = [*proteins(5000), "short words, too", "MKV " * 30 + "A" * 100]
        tokenizer = WordPieceTokenizer.train(lines, 300, self.CUT)
        one_by_one = [tokenizer.encode(line) for line in lines]
        assert tokenizer.encode_many(lines) == one_by_one
        encoded = LineEncoder(tokenizer).encode(lines)
        assert encoded.token_ids.tolist() == [index for ids in one_by_one for index in ids]

    def test_the_option_belongs_to_the_fingerprint_when_it_is_on(self):
        vocabulary = [*SPECIAL_TOKENS, "a"]
        prints = {
            WordPieceTokenizer(vocabulary, TokenizerConfig(cuts_long_words=cuts)).fingerprint
            for cuts in (False, True)
        }
        assert len(prints) == 2
        # Of '[["[PAD]", …, "a"], {"lowercase": true, "max_word_characters": 200, …}]', without it.
        assert "6cd86a36" in {text[:8] for text in prints}

    def test_training_time_stays_sane(self):
        lines = proteins(200_000)
        start = time.process_time()
        WordPieceTokenizer.train(lines, 2000, self.CUT)
        assert time.process_time() - start < 30


class TestExtending:
    BASE = WordPieceTokenizer.train(SEA, 90, num_unused=20)
    DOMAIN = [
        "The lighthouse lamplighter oiled the lighthouse lamps, lamplighter of lighthouses."
    ] * 6

    def test_old_entries_keep_their_ids(self):
        extension = extend(self.BASE, self.DOMAIN, 12)
        size = self.BASE.vocabulary_size
        assert extension.tokenizer.vocabulary[:size] == self.BASE.vocabulary
        assert sorted(extension.pieces) == list(range(size, size + 12))
        assert extension.tokenizer.config == self.BASE.config

    def test_new_entries_are_made_of_their_pieces(self):
        extension = extend(self.BASE, self.DOMAIN, 12)
        for index, ids in extension.pieces.items():
            token = extension.tokenizer.vocabulary[index]
            assert len(ids) > 1
            first, *rest = self.BASE.tokens_of(ids)
            assert token == first + "".join(piece.removeprefix("##") for piece in rest)
            assert all(piece.startswith("##") for piece in rest)
            if not token.startswith("##"):
                assert self.BASE.encode(token) == list(ids)

    def test_the_domain_takes_fewer_tokens(self):
        extension = extend(self.BASE, self.DOMAIN, 12)
        before, after = (
            len(tokenizer.encode(self.DOMAIN[0])) for tokenizer in (self.BASE, extension.tokenizer)
        )
        assert after < before * 0.75
        assert extension.tokenizer.encode("lighthouse")[0] in extension.pieces

    def test_in_the_places_of_unused_entries(self):
        extension = extend(self.BASE, self.DOMAIN, 12, uses_unused=True)
        assert extension.tokenizer.vocabulary_size == self.BASE.vocabulary_size
        assert sorted(extension.pieces) == list(range(5, 17))
        assert extension.tokenizer.vocabulary[17] == "[unused12]"
        appended = extend(self.BASE, self.DOMAIN, 12)
        assert set(extension.tokenizer.vocabulary[5:17]) == set(appended.tokenizer.vocabulary[-12:])
        with pytest.raises(InputError, match="num_new: expected at most 20, the number of"):
            extend(self.BASE, self.DOMAIN, 21, uses_unused=True)

    def test_letters_that_were_missing(self):
        texts = ["αβ αβ βα lamp"] * 5
        extension = extend(self.BASE, texts, 8)
        unknown = (self.BASE.unknown_id,)
        new = {extension.tokenizer.vocabulary[n]: ids for n, ids in extension.pieces.items()}
        assert {"α", "##α", "β", "##β"} <= new.keys()
        assert new["α"] == unknown
        assert new["αβ"] == unknown * 2
        assert self.BASE.unknown_id in self.BASE.encode("αβ")
        assert extension.tokenizer.decode(extension.tokenizer.encode("αβ")) == "αβ"

    def test_filled_up(self):
        extension = extend(self.BASE, self.DOMAIN, 12, multiple_of=64)
        assert extension.tokenizer.vocabulary_size % 64 == 0
        fillers = [n for n, ids in extension.pieces.items() if not ids]
        names = [extension.tokenizer.vocabulary[n] for n in fillers]
        assert names == [f"[unused{n}]" for n in range(20, 20 + len(fillers))]
        assert (
            len(extension.pieces) == extension.tokenizer.vocabulary_size - self.BASE.vocabulary_size
        )

    def test_a_small_domain_gives_fewer(self):
        extension = extend(self.BASE, ["zebra zebra"], 500)
        assert 0 < len(extension.pieces) < 20
        assert extension.tokenizer.encode("zebra")[0] in extension.pieces
        for texts, num_new in [([], 5), (self.DOMAIN, 0)]:
            with pytest.raises(InputError):
                extend(self.BASE, texts, num_new)

    def test_the_same_whatever_the_order_and_process(self):
        program = (
            "from keras_electra.tokenizer import WordPieceTokenizer\n"
            "from keras_electra.tokenizer.extending import extend\n"
            f"base = WordPieceTokenizer.train({SEA!r}, 90, num_unused=20)\n"
            f"print(extend(base, reversed({self.DOMAIN!r}), 12).tokenizer.fingerprint)"
        )
        fingerprint = extend(self.BASE, self.DOMAIN, 12).tokenizer.fingerprint
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert done.stdout.strip() == fingerprint, done.stderr


class TestFormerPieces:
    @pytest.mark.parametrize("uses_unused", [False, True])
    def test_they_are_those_that_the_extension_joined(self, uses_unused):
        base, domain = TestExtending.BASE, [*TestExtending.DOMAIN, *["αβ αβ zebra"] * 5]
        extension = extend(base, domain, 12, uses_unused=uses_unused, multiple_of=64)
        former = former_pieces(base, extension.tokenizer.vocabulary)
        for index, token in enumerate(extension.tokenizer.vocabulary):
            if index in extension.pieces:
                assert (former[index] or ()) == extension.pieces[index], token
            else:
                assert former[index] == (base.vocabulary.index(token),)

    def test_inside_a_word_and_unknown_letters(self):
        base = TestExtending.BASE
        whole, inside, unknown = former_pieces(base, ["lamplight", "##lamplight", "lamp√s"])
        assert all(piece.startswith("##") for piece in base.tokens_of(inside))
        assert not base.tokens_of(whole)[0].startswith("##")
        assert base.unknown_id in unknown


def test_from_a_sample_of_any_corpus(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(SEA * 200))
    total = (tmp_path / "a.txt").stat().st_size
    sample = list(corpus.sample_lines(tmp_path, total // 3))
    first, again = (WordPieceTokenizer.train(iter(sample), 75) for _ in range(2))
    assert first.vocabulary == again.vocabulary
    assert set(WordPieceTokenizer.train(SEA, 90).vocabulary[:40]) <= set(first.vocabulary)
