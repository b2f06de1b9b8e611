/** A real instruct model that `parley models pull` knows by name. */
export interface HubModel {
  /** What callers type; lower case. */
  name: string;
  /** Owner and name on the hub. */
  repository: string;
  file: string;
  /** Size of the file as the hub reports it; files are sometimes made anew, so it guides and is not checked. */
  bytes: number;
  licence: string;
  about: string;
}

/** Small models that answer on a CPU, smallest first; all can be had without an account. */
export const hubModels: readonly HubModel[] = [
  {
    name: "smollm2-360m",
    repository: "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
    file: "smollm2-360m-instruct-q8_0.gguf",
    bytes: 386_404_992,
    licence: "Apache-2.0",
    about: "The smallest that talks; English.",
  },
  {
    name: "qwen2.5-0.5b",
    repository: "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
    file: "qwen2.5-0.5b-instruct-q4_k_m.gguf",
    bytes: 491_400_032,
    licence: "Apache-2.0",
    about: "Small, quick, many languages, calls tools.",
  },
  {
    name: "qwen3-0.6b",
    repository: "Qwen/Qwen3-0.6B-GGUF",
    file: "Qwen3-0.6B-Q8_0.gguf",
    bytes: 639_446_688,
    licence: "Apache-2.0",
    about: "Thinks before it answers, calls tools; a good first download.",
  },
  {
    name: "gemma-3-1b",
    repository: "ggml-org/gemma-3-1b-it-GGUF",
    file: "gemma-3-1b-it-Q4_K_M.gguf",
    bytes: 806_058_240,
    licence: "Gemma Terms of Use (restricted uses)",
    about: "Plain conversation in many languages.",
  },
  {
    name: "llama-3.2-1b",
    repository: "bartowski/Llama-3.2-1B-Instruct-GGUF",
    file: "Llama-3.2-1B-Instruct-Q4_K_M.gguf",
    bytes: 807_694_464,
    licence: "Llama 3.2 Community Licence (attribution, restricted uses)",
    about: "Follows instructions well for its size.",
  },
  {
    name: "smollm2-1.7b",
    repository: "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF",
    file: "smollm2-1.7b-instruct-q4_k_m.gguf",
    bytes: 1_055_609_536,
    licence: "Apache-2.0",
    about: "Open to the training data; English.",
  },
  {
    name: "qwen3-1.7b",
    repository: "Qwen/Qwen3-1.7B-GGUF",
    file: "Qwen3-1.7B-Q8_0.gguf",
    bytes: 1_834_426_016,
    licence: "Apache-2.0",
    about: "Thinks, calls tools; needs some 3 GB of memory.",
  },
  {
    name: "qwen3-4b",
    repository: "Qwen/Qwen3-4B-GGUF",
    file: "Qwen3-4B-Q4_K_M.gguf",
    bytes: 2_497_280_256,
    licence: "Apache-2.0",
    about: "The best of this list; slow on few cores, needs some 4 GB of memory.",
  },
];
