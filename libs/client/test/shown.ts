import type { SessionView } from "../src/index.ts";

/** Conditions to await. */
export const isLive = (view: SessionView) => view.connection === "live";

/** The newest turn has ended with this status. */
export const endedAs = (status: string) => (view: SessionView) => {
  const turns = Object.values(view.turns).sort((a, b) => a.ordinal - b.ordinal);
  return turns.at(-1)?.status === status;
};

/** The last answer shown has at least this many words. */
export const says = (words: number) => (view: SessionView) => {
  const last = view.messages.at(-1);
  return last?.role === "assistant" && last.content.split(" ").length >= words;
};
