/** What is known to go wrong in streams of upstreams, and where people met it. Each rule has a switch and is counted. */
export const repairRules = {
  "inline-thought": {
    does: "thinking tags in content become reasoning",
    thread: "https://github.com/vllm-project/vllm/issues/38212",
  },
  "inline-calls": {
    does: "the model's tool markup in content becomes calls",
    thread: "https://github.com/MiniMax-AI/MiniMax-M3/issues/31",
  },
  "thought-markup": {
    does: "tool markup, closing tags and their newline inside the reasoning field are read, not shown",
    thread: "https://github.com/waybarrios/vllm-mlx/pull/98",
  },
  "thought-twice": {
    does: "the same reasoning in two fields, or in a field and in content, is kept once",
    thread: "https://github.com/vellum-ai/vellum-assistant/pull/34556",
  },
  "blank-content": {
    does: "white space alone between reasoning and call is no text",
    thread: "https://github.com/vllm-project/vllm/pull/32248",
  },
  "call-order": {
    does: "calls with index gaps, without index or with pieces that interleave are put one after the other",
    thread: "https://github.com/ollama/ollama/issues/15457",
  },
  "call-name": {
    does: "a name that comes after the first arguments is waited for",
    thread: "https://github.com/vercel/ai/issues/14722",
  },
  "call-id": {
    does: "missing and repeated call ids are replaced",
    thread: "https://github.com/sgl-project/sglang/issues/7048",
  },
  "call-arguments": {
    does: "argument JSON that is unambiguous but not valid is completed (a backslash that begins no escape stands for itself); anything worse ends the answer with an error",
    thread: "https://github.com/vllm-project/vllm/issues/32152",
  },
  "finish-reason": {
    does: "a missing finish reason of an answer that is whole, `stop` after calls, and `tool_calls` or `stop` for a call that the token limit cut are set right",
    thread: "https://github.com/vllm-project/vllm/issues/53269",
  },
  "finish-late": {
    does: "a stream that does not end after its finish reason is ended",
    thread: "https://github.com/MiniMax-AI/MiniMax-M2/issues/109",
  },
  "usage-missing": {
    does: "absent or zero usage is estimated",
    thread: "https://github.com/MiniMax-AI/MiniMax-M2.5/issues/2",
  },
  "foreign-frame": {
    does: "events that are no JSON object, such as pings, are skipped",
    thread: "https://github.com/anomalyco/opencode/issues/50871",
  },
} as const;

export type RepairRule = keyof typeof repairRules;

/** Rules that are switched off; all others are on. */
export type RepairSwitches = Partial<Record<RepairRule, boolean>>;

/** Which rules apply to one stream, and who is called when one fired. */
export class Repairs {
  // fixed at birth
  private readonly switches: RepairSwitches;
  private readonly listener: ((rule: RepairRule) => void) | undefined;
  // changed by events
  /** Rules that have fired; set by `fired`. */
  private readonly counted = new Set<RepairRule>();

  constructor(switches: RepairSwitches = {}, listener?: (rule: RepairRule) => void) {
    this.switches = switches;
    this.listener = listener;
  }

  /** The same rules, for a reading that changes nothing. */
  silent(): Repairs {
    return new Repairs(this.switches);
  }

  on(rule: RepairRule): boolean {
    return this.switches[rule] !== false;
  }

  /** A rule changed this stream; the listener is called once per rule. */
  fired(rule: RepairRule): void {
    if (this.counted.has(rule)) return;
    this.counted.add(rule);
    this.listener?.(rule);
  }
}
