// Encodes texts with the page's tokenizer: reads {vocabulary, options, tables, texts} and prints, per
// text, ids, tokens and offsets in characters. node encode.mjs wordpiece.js < input.json
import { pathToFileURL } from "node:url";
import { readFileSync } from "node:fs";

const { WordPiece } = await import(pathToFileURL(process.argv[2]));
const { vocabulary, options, tables, texts } = JSON.parse(readFileSync(0, "utf-8"));
const tokenizer = new WordPiece(vocabulary, options, tables);
const inCharacters = (text, units) => [...text.slice(0, units)].length;
const encoded = texts.map((text) => {
  const { ids, tokens, offsets } = tokenizer.encode(text);
  return [ids, tokens, offsets.map((pair) => pair.map((units) => inCharacters(text, units)))];
});
process.stdout.write(JSON.stringify(encoded));
