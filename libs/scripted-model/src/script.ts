import { z } from "zod";

const Count = z.int().nonnegative().max(10_000_000);
const Milliseconds = z.number().nonnegative().max(3_600_000);
/** A number of content tokens sent; `headers` is before the status line, `end` before the finish chunk. */
const Place = z.union([z.enum(["headers", "end"]), Count]);
const Gate = z.strictObject({
  name: z.string().min(1),
  at: Place.default(0),
  /** Only at this step of the turn (0 is the first model call); every step when absent. */
  step: Count.optional(),
});
const Tool = z.strictObject({
  name: z.string(),
  /** A string goes out as it is, and so may be malformed. */
  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).default({}),
});
const ErrorFrame = z.strictObject({
  after_tokens: Count.default(0),
  frame: z.unknown().default({ error: { code: 500, message: "Compute error.", type: "server_error" } }),
  /** An SSE event name in front of it, as LM Studio and Groq send. */
  event: z.string().optional(),
  /** `error:` in place of `data:`, as llama.cpp did until late 2025. */
  field: z.enum(["data", "error"]).default("data"),
  /** vLLM sends [DONE] after it, llama.cpp does not. */
  done: z.boolean().default(false),
});

/** Where real servers differ from llama.cpp of today. What a script does not say is as the server has it, else as usual. */
export const ScriptQuirks = z
  .strictObject({
    /** `repeated`: the same in each step. `odd`: longer than 40 characters, and with signs that some refuse. */
    ids: z.enum(["unique", "missing", "empty", "per_fragment", "repeated", "odd"]),
    index: z.enum(["counted", "zero", "missing"]),
    whole_arguments: z.boolean(),
    object_arguments: z.boolean(),
    name_fragments: z.boolean(),
    crlf: z.boolean(),
    /** `untold`: inline, and only its end is marked. */
    reasoning: z.enum(["reasoning_content", "reasoning", "both", "think", "untold"]),
    nulls: z.boolean(),
    no_done: z.boolean(),
    /** llama-swap's reasoning chatter while a model loads, in chunks without id and object. */
    loading_chatter: z.boolean(),
    /** Goes on generating when the client goes away; `/slots` shows it. */
    survives_disconnect: z.boolean(),
    /** Tool calls that come back without the thoughts that led to them are refused (DeepSeek V4), or those with them (Mistral). */
    replayed_reasoning: z.enum(["unexpected", "required", "refused"]),
    /** `stream_options` are refused. */
    no_stream_options: z.boolean(),
    /** The template raises when a message holds several tool calls (Llama 3); `/props` says so. */
    single_tool_calls: z.boolean(),
    /** Ids of tool calls must be nine letters and digits (Mistral). */
    nine_character_ids: z.boolean(),
  })
  .partial();
export type ScriptQuirks = z.infer<typeof ScriptQuirks>;
export type Quirks = { [Name in keyof ScriptQuirks]-?: NonNullable<ScriptQuirks[Name]> };

export const NO_QUIRKS: Quirks = {
  ids: "unique",
  index: "counted",
  whole_arguments: false,
  object_arguments: false,
  name_fragments: false,
  crlf: false,
  reasoning: "reasoning_content",
  nulls: false,
  no_done: false,
  loading_chatter: false,
  survives_disconnect: false,
  replayed_reasoning: "unexpected",
  no_stream_options: false,
  single_tool_calls: false,
  nine_character_ids: false,
};

const BaseScript = z.strictObject({
  /** Requests are counted per key and step; the question itself when absent. */
  key: z.string().min(1).max(200).optional(),

  tokens: Count.default(20),
  /** In place of `tokens`. */
  text: z.string().optional(),
  prefix: z.string().max(1000).optional(),
  /** What a token says beside its index: which request of this key and step it is, or when it left (epoch milliseconds). */
  mark: z.enum(["none", "attempt", "time"]).default("none"),
  interval_ms: Milliseconds.default(0),
  tokens_per_delta: Count.min(1).default(1),
  reasoning_tokens: Count.default(0),
  /** Sends one delta of so many characters before the tokens. */
  huge_delta: Count.default(0),

  /** How many steps ask for tools before the answer. */
  tool_depth: Count.default(0),
  tool: z.union([Tool, z.array(Tool).min(1)]).default({ name: "list_dir", arguments: {} }),
  tools_per_step: Count.min(1).optional(),
  /** Tokens in front of the tool calls of a step. */
  step_tokens: Count.default(0),
  ignore_tool_choice: z.boolean().default(false),

  /** Faults (`status`, `error_frame`, `stall`, `cut_…`, `end_after_tokens`) hold for the first so many requests of a key and step. */
  fail_first: Count.optional(),
  /** Faults hold at this step alone. */
  fail_at_step: Count.optional(),
  status: z.int().min(200).max(599).optional(),
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  error_frame: ErrorFrame.optional(),
  /** Nothing more from here on, until the client goes away. */
  stall: Place.optional(),
  /** The socket is reset. */
  cut_after_bytes: Count.optional(),
  cut_after_tokens: Count.optional(),
  /** A clean end without a finish reason. */
  end_after_tokens: Count.optional(),

  /** Waits here until the gate is released. */
  gate: z.union([z.string().min(1), Gate, z.array(Gate)]).optional(),
  /** While held or stalled, an SSE comment this often, as llama.cpp sends every 30 s. */
  keep_alive_ms: Milliseconds.min(1).optional(),

  /** A window of so many tokens: a longer prompt is refused, as llama.cpp does. Four bytes of a request are a token here. */
  window: Count.min(1).optional(),
  /** Refused without a word of the window and the prompt, as some proxies do. */
  window_untold: z.boolean().default(false),
  /** Tokens that the usage tells of the prompt, whatever was sent: a server that left a part of it out. */
  prompt_tokens: Count.optional(),

  finish_reason: z.string().nullable().optional(),
  /** `asked`: on a `choices: []` chunk when the request asks for it. */
  usage: z.enum(["asked", "none", "finish", "each"]).default("asked"),
  quirks: ScriptQuirks.prefault({}),
});

/** What the server does with a request: how it answers, how fast, and where it fails. */
export const Script = BaseScript.extend({
  /** What a request for the session's title gets; without it, a title. */
  title: BaseScript.optional(),
});
export type Script = z.infer<typeof Script>;
/** As a person writes it: every option may be left out. */
export type ScriptInput = z.input<typeof Script>;
