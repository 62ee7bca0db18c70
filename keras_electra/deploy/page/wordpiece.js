// Text to token ids, as keras_electra's WordPieceTokenizer does it: the same ids, tokens and offsets.
//
// Which characters are removed, are spaces, ideographs, punctuation or accents stands in tables that
// Python wrote: a browser's Unicode is of another version than that which the vocabulary was made with.

const CONTINUATION = "##";

export class WordPiece {
  // vocabulary: array of tokens; options: as of TokenizerConfig; tables: {name: [first, last, ...]}.
  constructor(vocabulary, options, tables) {
    this.vocabulary = vocabulary;
    this.ids = new Map(vocabulary.map((token, id) => [token, id]));
    const id = (token) => this.ids.get(token);
    [this.padId, this.unknownId, this.classId, this.separatorId] =
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].map(id);
    this.maxWordCharacters = options.max_word_characters;
    this.cutsLongWords = options.cuts_long_words;
    this.removesAccents = options.strip_accents ?? options.lowercase;
    this.tables = Object.fromEntries(
      Object.entries(tables).map(([name, bounds]) => [name, Uint32Array.from(bounds)]),
    );
    this.stages = [(text) => this.#mapped(text, (c) => this.#cleaned(c))];
    if (options.lowercase) this.stages.push((text) => text.toLowerCase());
    if (this.removesAccents) this.stages.push((text) => text.normalize("NFD"));
    this.stages.push((text) => this.#mapped(text, (c) => this.#splitOff(c)));
  }

  // {ids, tokens, offsets}; an offset is [start, end] in UTF-16 units, so that text.slice(...) fits.
  encode(text) {
    const written = [...text];
    const [characters, sources] = this.#aligned(written);
    const result = { ids: [], tokens: [], offsets: [] };
    const units = unitOffsets(written);
    for (let start = 0; start < characters.length; ) {
      if (characters[start] === " ") {
        start += 1;
        continue;
      }
      let end = start;
      while (end < characters.length && characters[end] !== " ") end += 1;
      for (const [first, last] of this.#wordsIn(start, end)) {
        for (const [token, from, to] of this.#pieces(characters, first, last)) {
          result.ids.push(this.ids.get(token));
          result.tokens.push(token);
          const behind = this.#withAccents(written, sources[to - 1] + 1);
          result.offsets.push([units[sources[from]], units[behind]]);
        }
      }
      start = end;
    }
    return result;
  }

  // The normalized characters, and for each the place of the written one that it came from.
  #aligned(written) {
    let characters = written;
    let sources = written.map((_, place) => place);
    for (const stage of this.stages) {
      const moved = [];
      characters.forEach((character, place) => {
        for (const _ of stage(character)) moved.push(sources[place]);
      });
      characters = [...stage(characters.join(""))];
      sources = moved;
    }
    return [characters, sources];
  }

  // [start, end] of the words of a stretch without spaces: it, or its parts if long words are cut.
  *#wordsIn(start, end) {
    const size = this.cutsLongWords ? this.maxWordCharacters : end - start;
    for (let first = start; first < end; first += size) yield [first, Math.min(first + size, end)];
  }

  // The longest known pieces of a word one after the other, or [UNK] for all of it.
  #pieces(characters, start, end) {
    const unknown = [["[UNK]", start, end]];
    if (end - start > this.maxWordCharacters) return unknown;
    const pieces = [];
    for (let first = start; first < end; ) {
      let last = end;
      let token;
      for (; last > first; last -= 1) {
        const part = characters.slice(first, last).join("");
        token = first > start ? CONTINUATION + part : part;
        if (this.ids.has(token)) break;
      }
      if (last === first) return unknown;
      pieces.push([token, first, last]);
      first = last;
    }
    return pieces;
  }

  // `end`, moved behind the accents that were removed after it.
  #withAccents(written, end) {
    while (this.removesAccents && end < written.length && this.#is("accents", written[end])) end += 1;
    return end;
  }

  #mapped(text, rule) {
    let result = "";
    for (const character of text) result += rule(character);
    return result;
  }

  #cleaned(character) {
    if (this.#is("removed", character)) return "";
    if (this.#is("spaces", character)) return " ";
    return this.#is("ideographs", character) ? ` ${character} ` : character;
  }

  #splitOff(character) {
    if (this.removesAccents && this.#is("accents", character)) return "";
    return this.#is("punctuation", character) ? ` ${character} ` : character;
  }

  // Whether a character lies in one of the stretches of a table, by bisection.
  #is(name, character) {
    const bounds = this.tables[name];
    const code = character.codePointAt(0);
    let low = 0;
    let high = bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[2 * middle + 1] < code) low = middle + 1;
      else high = middle;
    }
    return 2 * low < bounds.length && bounds[2 * low] <= code;
  }
}

// Where each character starts, in UTF-16 units, and where the last one ends.
function unitOffsets(characters) {
  const offsets = [0];
  for (const character of characters) offsets.push(offsets[offsets.length - 1] + character.length);
  return offsets;
}

// The tokens of a vocab.txt: a line is a token.
export function readVocabulary(text) {
  const lines = text.replace(/^\ufeff/, "").split("\n").map((line) => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ""));
  return lines[lines.length - 1] === "" ? lines.slice(0, -1) : lines;
}
