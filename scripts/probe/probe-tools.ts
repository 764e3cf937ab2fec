import type { ServerTraits } from "@boocode/model-servers";
import { promptTokensOf, reasoningOf, type ToolCallShape, toolCallShape } from "./answer-shape.ts";
import { askRaw, type Probed } from "./ask-raw.ts";

const TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tells the weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** In any template, the tool takes at least this many tokens. */
const FEWEST_TOOL_TOKENS = 8;

export interface ToolsFound {
  /** Why tools cannot be used; null when they can. */
  refused: string | null;
  shape: ToolCallShape | null;
  /** The server counts no more tokens with tools than without: the model does not see them. */
  ignored: boolean;
  /** The server's error for a conversation with the calls and their results; null when it accepted it. */
  replayRefused: string | null;
  /** The traits without which the server rejects the conversation. */
  traits: ReplayTraits;
}

type ReplayTraits = Pick<ServerTraits, "replay_reasoning" | "single_tool_calls">;

const UNTRIED: ToolsFound = {
  refused: null,
  shape: null,
  ignored: false,
  replayRefused: null,
  traits: { replay_reasoning: false, single_tool_calls: false },
};

/**
 * Asks for two calls at once, and sends the results back.
 * @param script a directive for the scripted model
 * @param takesStreamOptions the server counts tokens when it is asked to
 */
export async function probeTools(server: Probed, script: string, takesStreamOptions: boolean): Promise<ToolsFound> {
  const question = {
    role: "user",
    content: `What is the weather in Paris and in Rome? Call get_weather for both at once. ${script}`,
  };
  const counting = { messages: [question], ...(takesStreamOptions && { stream_options: { include_usage: true } }) };
  const asked = await askRaw(server, { ...counting, tools: [TOOL], tool_choice: "auto" });
  if (asked.status !== 200) return { ...UNTRIED, refused: asked.refusal };
  const shape = toolCallShape(asked.chunks);
  if (shape.calls === 0) {
    const plain = await askRaw(server, counting);
    const [all, text] = [asked, plain].map(({ chunks }) => promptTokensOf(chunks));
    return { ...UNTRIED, ignored: !!all && !!text && all - text < FEWEST_TOOL_TOKENS };
  }

  const reasoning = reasoningOf(asked.chunks);
  const replay = ({ replay_reasoning, single_tool_calls }: ReplayTraits) => {
    const cities = ["Paris", "Rome"].slice(0, shape.calls);
    const groups = single_tool_calls ? cities.map((city) => [city]) : [cities];
    const messages = groups.flatMap((group) => turnOf(group, replay_reasoning ? { reasoning_content: reasoning } : {}));
    const single = single_tool_calls && { parallel_tool_calls: false };
    return askRaw(server, { messages: [question, ...messages], tools: [TOOL], tool_choice: "auto", ...single });
  };
  // The form that most servers accept is tried first; if none is accepted, the refusal of this one is reported.
  const forms = [false, true].flatMap((single) =>
    [false, true].map((thoughts) => ({ replay_reasoning: thoughts, single_tool_calls: single })),
  );
  let plainly: string | null = null;
  for (const traits of forms) {
    if ((traits.replay_reasoning && reasoning === "") || (traits.single_tool_calls && shape.calls < 2)) continue;
    const { status, refusal } = await replay(traits);
    if (status === 200) return { ...UNTRIED, shape, traits };
    plainly ??= refusal;
  }
  return { ...UNTRIED, shape, replayRefused: plainly };
}

/** Messages with one tool call for each city, and the results. */
function turnOf(cities: string[], more: object): object[] {
  const calls = cities.map((city) => ({
    id: city.padEnd(9, "0"),
    type: "function",
    function: { name: "get_weather", arguments: JSON.stringify({ city }) },
  }));
  const results = calls.map(({ id }) => ({ role: "tool", tool_call_id: id, content: "sunny" }));
  return [{ role: "assistant", content: "", tool_calls: calls, ...more }, ...results];
}
