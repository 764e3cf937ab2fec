import { z } from "zod";

const Count = z.int().nonnegative().max(10_000_000);
const Milliseconds = z.number().nonnegative().max(3_600_000);
/** A position: after this many content tokens; `headers`: before the status line; `end`: before the finish chunk. */
const Place = z.union([z.enum(["headers", "end"]), Count]);
const Gate = z.strictObject({
  name: z.string().min(1),
  at: Place.default(0),
  /** The step of the turn (0 is the first model call); every step when absent. */
  step: Count.optional(),
});
const Tool = z.strictObject({
  name: z.string(),
  /** A string is sent unchanged, so it can be malformed. */
  arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).default({}),
});
const ErrorFrame = z.strictObject({
  after_tokens: Count.default(0),
  frame: z.unknown().default({ error: { code: 500, message: "Compute error.", type: "server_error" } }),
  /** An SSE event name before the frame, as LM Studio and Groq send it. */
  event: z.string().optional(),
  /** `error:` instead of `data:`, as in llama.cpp until late 2025. */
  field: z.enum(["data", "error"]).default("data"),
  /** vLLM sends [DONE] after the frame, llama.cpp does not. */
  done: z.boolean().default(false),
});

/** Differences of real servers from today's llama.cpp. A script overrides the server's quirks, which override `NO_QUIRKS`. */
export const ScriptQuirks = z
  .strictObject({
    /** `repeated`: the same in each step. `odd`: longer than 40 characters, and with characters that some servers reject. */
    ids: z.enum(["unique", "missing", "empty", "per_fragment", "repeated", "odd"]),
    index: z.enum(["counted", "zero", "missing"]),
    whole_arguments: z.boolean(),
    object_arguments: z.boolean(),
    name_fragments: z.boolean(),
    crlf: z.boolean(),
    /** Where the reasoning is sent. `untold`: inside the text, with only its end marked. */
    reasoning: z.enum(["reasoning_content", "reasoning", "both", "think", "untold"]),
    nulls: z.boolean(),
    no_done: z.boolean(),
    /** The reasoning deltas that llama-swap sends while a model loads, in chunks without id and object. */
    loading_chatter: z.boolean(),
    /** Generation continues after the client has disconnected; `/slots` shows it. */
    survives_disconnect: z.boolean(),
    /** `required`: rejects tool calls that come back without their reasoning (DeepSeek V4). `refused`: with it (Mistral). */
    replayed_reasoning: z.enum(["unexpected", "required", "refused"]),
    /** `stream_options` is rejected. */
    no_stream_options: z.boolean(),
    /** How the limit of an answer is stated; any other form is rejected (OpenAI's reasoning models, older gateways). */
    answer_limit: z.enum(["max_tokens", "max_completion_tokens", "none"]),
    /** The template raises an error for a message with several tool calls (Llama 3); `/props` reports it. */
    single_tool_calls: z.boolean(),
    /** The template has no place for tools; `/props` reports it. The script decides what the model answers. */
    ignores_tools: z.boolean(),
    /** Ids of tool calls must be nine letters or digits (Mistral). */
    nine_character_ids: z.boolean(),
    /** Tool calls are a part of the text, as sent by a server without a parser for the model's format. */
    text_calls: z.boolean(),
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
  answer_limit: "max_tokens",
  single_tool_calls: false,
  ignores_tools: false,
  nine_character_ids: false,
  text_calls: false,
};

const BaseScript = z.strictObject({
  /** Requests are counted per key and step. Default: the question. */
  key: z.string().min(1).max(200).optional(),

  tokens: Count.default(20),
  /** Replaces `tokens`. */
  text: z.string().optional(),
  prefix: z.string().max(1000).optional(),
  /** What a token contains besides its index: the attempt (request of this key and step), or its send time in epoch ms. */
  mark: z.enum(["none", "attempt", "time"]).default("none"),
  interval_ms: Milliseconds.default(0),
  tokens_per_delta: Count.min(1).default(1),
  reasoning_tokens: Count.default(0),
  /** Sends one delta of this many characters before the tokens. */
  huge_delta: Count.default(0),

  /** The number of steps with tool calls before the answer. */
  tool_depth: Count.default(0),
  tool: z.union([Tool, z.array(Tool).min(1)]).default({ name: "list_dir", arguments: {} }),
  tools_per_step: Count.min(1).optional(),
  /** Text tokens before the tool calls of a step. */
  step_tokens: Count.default(0),
  ignore_tool_choice: z.boolean().default(false),

  /** How many first requests of a key and step get the faults: `status`, `error_frame`, `stall`, `cut_…`, `end_after_tokens`. */
  fail_first: Count.optional(),
  /** Faults apply only at this step. */
  fail_at_step: Count.optional(),
  status: z.int().min(200).max(599).optional(),
  body: z.unknown().optional(),
  headers: z.record(z.string(), z.string()).default({}),
  error_frame: ErrorFrame.optional(),
  /** Sends nothing from this position until the client disconnects. */
  stall: Place.optional(),
  /** The connection is reset. */
  cut_after_bytes: Count.optional(),
  cut_after_tokens: Count.optional(),
  /** The stream ends cleanly, without a finish reason. */
  end_after_tokens: Count.optional(),

  /** The reply waits at these gates until they are released. */
  gate: z.union([z.string().min(1), Gate, z.array(Gate)]).optional(),
  /** Interval of SSE comments while the reply waits or stalls; llama.cpp sends one every 30 s. */
  keep_alive_ms: Milliseconds.min(1).optional(),

  /** Context window in tokens: a longer prompt is rejected as by llama.cpp. Four bytes of a request count as one token. */
  window: Count.min(1).optional(),
  /** The rejection does not state the sizes of window and prompt, as behind some proxies. */
  window_untold: z.boolean().default(false),
  /** Prompt tokens reported in the usage, whatever was sent: simulates a server that truncates the prompt. */
  prompt_tokens: Count.optional(),

  finish_reason: z.string().nullable().optional(),
  /** `asked`: in a chunk with `choices: []` when the request asks for it. */
  usage: z.enum(["asked", "none", "finish", "each"]).default("asked"),
  quirks: ScriptQuirks.prefault({}),
});

/** How the server answers a request: its text and tool calls, its pace and its faults. */
export const Script = BaseScript.extend({
  /** The answer to a request for the session's title. Default: the first words of the question. */
  title: BaseScript.optional(),
});
export type Script = z.infer<typeof Script>;
/** A script before parsing: every option is optional. */
export type ScriptInput = z.input<typeof Script>;
