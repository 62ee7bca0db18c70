// The network: texts framed as its inputs, its outputs as probabilities.

import * as ort from "./runtime/ort.wasm.min.mjs";
import { readVocabulary, WordPiece } from "./wordpiece.js";

const HERE = new URL("./", import.meta.url);

export async function openModel() {
  // Threads of WebAssembly need headers that a plain server does not send.
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("runtime/", HERE).href;
  const [about, vocabulary, session] = await Promise.all([
    fetched("about.json").then((response) => response.json()),
    fetched("vocab.txt").then((response) => response.text()),
    ort.InferenceSession.create(new URL("model.onnx", HERE).href, { executionProviders: ["wasm"] }),
  ]);
  const tokenizer = new WordPiece(readVocabulary(vocabulary), about.tokenizer, about.unicode);
  return new Model(about, tokenizer, session);
}

async function fetched(name) {
  const response = await fetch(new URL(name, HERE));
  if (!response.ok) throw new Error(`${name}: expected a file, received status ${response.status}`);
  return response;
}

class Model {
  constructor(about, tokenizer, session) {
    this.about = about;
    this.tokenizer = tokenizer;
    this.session = session;
  }

  // {tokens, offsets, probabilities}: how probable it is of every token that it was replaced.
  async detect(text) {
    const { ids, tokens, offsets } = this.tokenizer.encode(text);
    const spans = windows(ids.length, this.about.sequence_length - 2);
    const scores = [];
    for (const [start, end] of spans) {
      const logits = (await this.#run(ids.slice(start, end), null)).logits;
      scores.push(Array.from(logits.slice(1, end - start + 1)));
    }
    return { tokens, offsets, probabilities: joined(spans, scores).map(sigmoid) };
  }

  // {rows: [[label, probability], ...], value, isCut} of a text, or of a pair of texts.
  async judge(text, secondText) {
    const first = this.tokenizer.encode(text).ids;
    const second = secondText ? this.tokenizer.encode(secondText).ids : null;
    const room = this.about.sequence_length - (second ? 3 : 2);
    const [numFirst, numSecond] = second ? cutPair(first.length, second.length, room) : [room, 0];
    const isCut = first.length > numFirst || (second !== null && second.length > numSecond);
    const outputs = await this.#run(first.slice(0, numFirst), second && second.slice(0, numSecond));
    if (this.about.kind === "regression") {
      const [low, high] = this.about.value_range;
      return { rows: [], value: low + outputs.values[0] * (high - low), isCut };
    }
    const logits = Array.from(outputs.logits);
    const chances = this.about.kind === "multi_label" ? logits.map(sigmoid) : softmax(logits);
    return { rows: this.about.labels.map((label, place) => [label, chances[place]]), isCut };
  }

  // The outputs of [CLS] first [SEP], or [CLS] first [SEP] second [SEP].
  async #run(first, second) {
    const { classId, separatorId } = this.tokenizer;
    const ids = [classId, ...first, separatorId, ...(second ? [...second, separatorId] : [])];
    const segments = ids.map((_, place) => (place < first.length + 2 ? 0 : 1));
    const shape = [1, ids.length];
    const outputs = await this.session.run({
      token_ids: new ort.Tensor("int32", Int32Array.from(ids), shape),
      segment_ids: new ort.Tensor("int32", Int32Array.from(segments), shape),
      padding_mask: new ort.Tensor("bool", new Uint8Array(ids.length).fill(1), shape),
    });
    return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
  }
}

// [start, end] of half-overlapping windows: windows(5, 4) is [[0, 4], [1, 5]].
export function windows(numTokens, capacity) {
  if (numTokens <= capacity) return numTokens ? [[0, numTokens]] : [];
  const stride = capacity - Math.floor(capacity / 2);
  const last = numTokens - capacity;
  const spans = [];
  for (let start = 0; start < last; start += stride) spans.push([start, start + capacity]);
  return [...spans, [last, last + capacity]];
}

// The scores of a text, each from the window in which its token stands farthest from an edge.
export function joined(spans, scores) {
  const result = [];
  const best = [];
  spans.forEach(([start, end], number) => {
    for (let place = start; place < end; place += 1) {
      const distance = Math.min(place - start, end - 1 - place);
      if (distance > (best[place] ?? -1)) {
        best[place] = distance;
        result[place] = scores[number][place - start];
      }
    }
  });
  return result;
}

// Tokens left of two texts that share `room` places: cutPair(7, 3, 8) is [5, 3].
export function cutPair(numFirst, numSecond, room) {
  const excess = Math.max(0, numFirst + numSecond - room);
  const fromLonger = Math.min(excess, Math.abs(numFirst - numSecond));
  if (numFirst > numSecond) numFirst -= fromLonger;
  else numSecond -= fromLonger;
  const rest = excess - fromLonger;
  return [numFirst - Math.floor(rest / 2), numSecond - Math.floor((rest + 1) / 2)];
}

function sigmoid(x) {
  return 0.5 * (1 + Math.tanh(0.5 * x));
}

function softmax(logits) {
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
