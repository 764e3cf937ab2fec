import { createCodeTracker } from "./markdown-code.ts";

export interface TextToolCallFilter {
  /** @returns the text that may be shown; text after a marker is held back. */
  push(text: string): string;
  /** The reply holds a text tool call. */
  found(): boolean;
  /** What was held back. */
  end(): string;
}

/** How tool calls begin in the raw output of Qwen, Hermes and Mistral models, when the server's parser misses them. */
const MARKERS = ["<tool_call>", "<function=", "[TOOL_CALLS]", "[ARGS]{"];
const LONGEST = Math.max(...MARKERS.map((marker) => marker.length));

/**
 * Finds text tool calls. Nothing is shown from the marker on, so a reply that begins with one stays unseen and its request can
 * be retried. Markdown code is exempt, because users ask about such markers.
 */
export function createTextToolCallFilter(): TextToolCallFilter {
  const code = createCodeTracker();
  let held = "";
  let found = false;

  function push(text: string): string {
    const all = held + text;
    held = "";
    for (let at = 0; at < all.length && !found; at++) {
      if (!code.inside() && (all[at] === "<" || all[at] === "[")) {
        found = MARKERS.some((marker) => all.startsWith(marker, at));
        const open = all.length - at < LONGEST && MARKERS.some((marker) => marker.startsWith(all.slice(at)));
        if (found || open) {
          held = all.slice(at);
          return all.slice(0, at);
        }
      }
      code.step(all[at] as string);
    }
    if (!found) return all;
    held = all;
    return "";
  }

  return {
    push,
    found: () => found,
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}
