/**
 * A tiny vision tower with random weights, as a GGUF file that llama.cpp loads beside a text model (`--mmproj`). It sees
 * nothing, but it costs what a real one costs: the image's patches as tokens.
 */

type Value = string | boolean | { u32: number } | { f32: number } | { f32s: readonly number[] };

interface Tensor {
  name: string;
  /** The innermost dimension first. */
  sides: readonly number[];
  data: Float32Array;
}

/** Width of the tower, of its feed-forward layer and of what it hands on. */
const width = 48;
const hidden = 64;
const patchSide = 14;
const alignment = 32;

/** `embedding`: the width of the text model that it goes with. */
export function tinyProjector(embedding: number): Buffer {
  const vision = (name: string, value: Value): [string, Value] => [`clip.vision.${name}`, value];
  const keys: [string, Value][] = [
    ["general.architecture", "clip"],
    ["clip.has_vision_encoder", true],
    ["clip.projector_type", "minimax_m3"],
    ["clip.use_gelu", true],
    vision("image_size", { u32: 672 }),
    vision("patch_size", { u32: patchSide }),
    vision("embedding_length", { u32: width }),
    vision("feed_forward_length", { u32: hidden }),
    vision("block_count", { u32: 1 }),
    vision("attention.head_count", { u32: 2 }),
    vision("attention.layer_norm_epsilon", { f32: 1e-5 }),
    vision("projection_dim", { u32: embedding }),
    vision("spatial_merge_size", { u32: 2 }),
    vision("image_mean", { f32s: [0.5, 0.5, 0.5] }),
    vision("image_std", { f32s: [0.5, 0.5, 0.5] }),
  ];
  const random = generator();
  const tensor = (name: string, ...sides: number[]): Tensor => {
    const size = sides.reduce((product, side) => product * side, 1);
    return { name, sides, data: Float32Array.from({ length: size }, () => (random() - 0.5) * 0.1) };
  };
  const layer = (name: string, from: number, to: number): Tensor[] => [
    tensor(`${name}.weight`, from, to),
    tensor(`${name}.bias`, to),
  ];
  const norm = (name: string): Tensor[] => [tensor(`${name}.weight`, width), tensor(`${name}.bias`, width)];
  return writeGguf(keys, [
    tensor("v.patch_embd.weight", patchSide, patchSide, 3, width),
    tensor("v.patch_embd.weight.1", patchSide, patchSide, 3, width),
    ...norm("v.pre_ln"),
    ...norm("v.blk.0.ln1"),
    ...norm("v.blk.0.ln2"),
    ...["attn_q", "attn_k", "attn_v", "attn_out"].flatMap((name) => layer(`v.blk.0.${name}`, width, width)),
    ...layer("v.blk.0.ffn_up", width, hidden),
    ...layer("v.blk.0.ffn_down", hidden, width),
    ...layer("mm.1", width, hidden),
    ...layer("mm.2", hidden, hidden),
    ...layer("mm.merger.fc1", hidden * 4, hidden),
    ...layer("mm.merger.fc2", hidden, embedding),
  ]);
}

function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function writeGguf(keys: readonly [string, Value][], tensors: readonly Tensor[]): Buffer {
  const head: Buffer[] = [Buffer.from("GGUF"), u32(3), u64(tensors.length), u64(keys.length)];
  for (const [key, value] of keys) head.push(text(key), written(value));
  let offset = 0;
  for (const { name, sides, data } of tensors) {
    // type 0: 32-bit floats
    head.push(text(name), u32(sides.length), ...sides.map(u64), u32(0), u64(offset));
    offset += padded(data.byteLength);
  }
  const meta = Buffer.concat(head);
  const parts: Buffer[] = [meta, Buffer.alloc(padded(meta.length) - meta.length)];
  for (const { data } of tensors) {
    parts.push(Buffer.from(data.buffer), Buffer.alloc(padded(data.byteLength) - data.byteLength));
  }
  return Buffer.concat(parts);
}

function written(value: Value): Buffer {
  if (typeof value === "string") return Buffer.concat([u32(8), text(value)]);
  if (typeof value === "boolean") return Buffer.concat([u32(7), Buffer.from([value ? 1 : 0])]);
  if ("u32" in value) return Buffer.concat([u32(4), u32(value.u32)]);
  if ("f32" in value) return Buffer.concat([u32(6), f32(value.f32)]);
  return Buffer.concat([u32(9), u32(6), u64(value.f32s.length), ...value.f32s.map(f32)]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function padded(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}
