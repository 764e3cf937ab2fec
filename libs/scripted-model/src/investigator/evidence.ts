import { type ChatMessage, lastUserIndex, textOf } from "../chat-request.ts";
import { type Hit, isFailure, readGrep, readListing, readPaths, readView, type View } from "./tool-output.ts";

interface MadeCall {
  name: string;
  input: Record<string, unknown>;
  /** null while the call has no result. */
  output: string | null;
}

/** The results of all tool calls since the last question. */
export interface Evidence {
  calls: MadeCall[];
  rounds: number;
  hits: Hit[];
  paths: string[];
  views: View[];
  /** Names of the entries in the project's root; null before it was listed. */
  entries: string[] | null;
  failures: Array<{ name: string; output: string }>;
}

/** Collects the tool results after the last question; earlier ones belong to other turns. */
export function gatherEvidence(messages: ChatMessage[]): Evidence {
  const turn = messages.slice(lastUserIndex(messages) + 1);
  const outputs = new Map(
    turn.filter((message) => message.role === "tool").map((message) => [message.tool_call_id, textOf(message)]),
  );
  const asking = turn.filter((message) => message.role === "assistant" && message.tool_calls?.length);
  const calls = asking
    .flatMap((message) => message.tool_calls ?? [])
    .map((call) => ({
      name: call.function.name ?? "",
      input: readInput(call.function.arguments),
      output: outputs.get(call.id) ?? null,
    }));
  const evidence: Evidence = {
    calls,
    rounds: asking.length,
    hits: [],
    paths: [],
    views: [],
    entries: null,
    failures: [],
  };
  for (const { name, input, output } of calls) {
    if (output === null) continue;
    if (isFailure(output)) evidence.failures.push({ name, output });
    else if (name === "grep") evidence.hits.push(...readGrep(output));
    else if (name === "find_files") evidence.paths.push(...readPaths(output));
    else if (name === "view_file") evidence.views.push(readView(String(input.path ?? ""), output));
    else if (name === "list_dir") evidence.entries = [...(evidence.entries ?? []), ...readListing(output)];
  }
  evidence.hits = unique(evidence.hits);
  evidence.views = evidence.views.filter((view) => view.lines.size > 0);
  return evidence;
}

/** Removes duplicates: several searches can find the same line. */
function unique(hits: Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [`${hit.path}:${hit.line}`, hit])).values()];
}

function readInput(text: unknown): Record<string, unknown> {
  try {
    const input: unknown = typeof text === "string" ? JSON.parse(text) : text;
    return typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
