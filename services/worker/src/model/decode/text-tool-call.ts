import { createCodeTracker } from "./markdown-code.ts";

export interface LeakGate {
  /** @returns what of the text may be shown; what follows a leak is held back. */
  push(text: string): string;
  /** The answer holds a tool call as text. */
  leaked(): boolean;
  /** What was held back. */
  end(): string;
}

/** How tool calls begin in the raw output of Qwen, Hermes and Mistral models, when a server's parser lets them through. */
const MARKERS = ["<tool_call>", "<function=", "[TOOL_CALLS]", "[ARGS]{"];
const LONGEST = Math.max(...MARKERS.map((marker) => marker.length));

/**
 * Finds tool calls that leaked into an answer as text. From the marker on nothing is shown, so that a leak at the beginning
 * leaves the reply unseen and the request can be sent again. Markdown code is exempt: people ask about such markers.
 */
export function createLeakGate(): LeakGate {
  const code = createCodeTracker();
  let held = "";
  let leaked = false;

  function push(text: string): string {
    const all = held + text;
    held = "";
    for (let at = 0; at < all.length && !leaked; at++) {
      if (!code.inside() && (all[at] === "<" || all[at] === "[")) {
        leaked = MARKERS.some((marker) => all.startsWith(marker, at));
        const open = all.length - at < LONGEST && MARKERS.some((marker) => marker.startsWith(all.slice(at)));
        if (leaked || open) {
          held = all.slice(at);
          return all.slice(0, at);
        }
      }
      code.step(all[at] as string);
    }
    if (!leaked) return all;
    held = all;
    return "";
  }

  return {
    push,
    leaked: () => leaked,
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}
