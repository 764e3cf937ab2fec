import { NO_TRAITS, type ServerTrait, type ServerTraits } from "@boocode/model-servers";
import { refusesAnswerLimit } from "../failures/answer-limit.ts";

/** The traits of one model server: those in its settings, and those learned since this process started. */
export interface KnownTraits {
  /** @param model null for the traits of the server as a whole */
  of(model: string | null): ServerTraits;
  /** Adds the traits that are true. They are never removed. */
  learn(model: string, traits: Partial<ServerTraits>): void;
  /** The server's limit of tokens in an answer; infinite until the server has refused a request over it. */
  mostAnswerTokens(model: string): number;
  learnMostAnswerTokens(model: string, tokens: number): void;
}

interface Refusal {
  status: number | null;
  body: string;
}

/**
 * For each trait: whether it holds for all models of a server, and how a refused request reveals it. Earlier entries are tried
 * first.
 */
const LEARNING: Record<ServerTrait, { scope: "server" | "model"; isRevealedBy(refusal: Refusal): boolean }> = {
  no_stream_options: {
    scope: "server",
    isRevealedBy: ({ status, body }) =>
      status !== null && status >= 400 && status < 500 && body.includes("stream_options"),
  },
  // Llama 3 templates: "This model only supports single tool-calls at once!"
  single_tool_calls: {
    scope: "model",
    isRevealedBy: ({ body }) => /only supports single tool.?calls/i.test(body),
  },
  // DeepSeek: "must be passed back to the API"; Moonshot: "is missing in assistant tool call message at index 2".
  replay_reasoning: {
    scope: "server",
    isRevealedBy: ({ body }) => /reasoning_content.{0,80}(must be passed back|is missing|is required)/i.test(body),
  },
  // OpenAI: "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
  max_completion_tokens: {
    scope: "model",
    isRevealedBy: ({ status, body }) => status !== null && status >= 400 && status < 500 && refusesAnswerLimit(body),
  },
  // The same refusal, of a request that states the limit by the other name.
  no_max_tokens: {
    scope: "model",
    isRevealedBy: ({ status, body }) => status !== null && status >= 400 && status < 500 && refusesAnswerLimit(body),
  },
  // Ollama: "does not support tools"; vLLM: '"auto" tool choice requires --enable-auto-tool-choice'; llama-server without
  // --jinja: "tools param requires --jinja flag"; OpenRouter: "No endpoints found that support tool use".
  no_tools: {
    scope: "model",
    isRevealedBy: ({ body }) =>
      /does not support (tool|function)|enable-auto-tool-choice|tools param requires|no endpoints found that support tool|tools are not supported/i.test(
        body,
      ),
  },
};
const TRAITS = Object.keys(LEARNING) as ServerTrait[];

/** @param settings the server's `quirks` */
export function createKnownTraits(settings: Readonly<ServerTraits> = NO_TRAITS): KnownTraits {
  const server = { ...settings };
  const models = new Map<string, Partial<ServerTraits>>();
  const answerTokens = new Map<string, number>();

  return {
    mostAnswerTokens: (model) => answerTokens.get(model) ?? Number.POSITIVE_INFINITY,
    learnMostAnswerTokens: (model, tokens) => void answerTokens.set(model, tokens),
    of: (model) => ({ ...server, ...(model !== null && models.get(model)) }),
    learn(model, traits) {
      for (const trait of TRAITS.filter((one) => traits[one])) {
        if (LEARNING[trait].scope === "server") server[trait] = true;
        else models.set(model, { ...models.get(model), [trait]: true });
      }
    },
  };
}

/** The trait that explains a refusal and that the request did not respect yet; null when there is none. */
export function traitRevealedBy(refusal: Refusal, respected: ServerTraits): ServerTrait | null {
  return TRAITS.find((trait) => !respected[trait] && LEARNING[trait].isRevealedBy(refusal)) ?? null;
}
