// PURE
import type { Position } from "@boocode/contracts";

/** Keeps a merged frame under MAX_FRAME_BYTES: a character takes at most six bytes of JSON. */
const MAX_MERGED_CHARACTERS = 8_000;

/** The fields of a `delta` or `reasoning_delta`. */
interface Delta {
  type: "delta" | "reasoning_delta";
  message_id: string;
  seq: number;
  first_seq?: number;
  content: string;
}

/** Deltas that become one frame. */
interface Run {
  delta: Delta;
  count: number;
}

/**
 * Merges consecutive deltas of one kind and message into one that covers `first_seq … seq`, so that a replay of thousands of
 * deltas is a few frames. Every other frame stays byte for byte as it was logged.
 */
export function mergeDeltas(
  frames: readonly { json: string; position: Position }[],
): { json: string; position: Position }[] {
  const merged: { json: string; position: Position }[] = [];
  let run: Run | null = null;
  for (const frame of frames) {
    const delta = parseDelta(frame.json);
    const last = merged.at(-1);
    if (
      run &&
      last &&
      delta &&
      delta.type === run.delta.type &&
      delta.message_id === run.delta.message_id &&
      run.delta.content.length + delta.content.length <= MAX_MERGED_CHARACTERS
    ) {
      const joined: Delta = {
        ...delta,
        first_seq: run.delta.first_seq ?? run.delta.seq,
        content: run.delta.content + delta.content,
      };
      run = { delta: joined, count: run.count + 1 };
      merged[merged.length - 1] = { json: "", position: frame.position };
    } else {
      write(merged, run);
      run = delta && { delta, count: 1 };
      merged.push(frame);
    }
  }
  write(merged, run);
  return merged;
}

/** Serializes a run once it is complete. A single delta keeps its bytes. */
function write(merged: { json: string; position: Position }[], run: Run | null): void {
  const last = merged.at(-1);
  if (run && last && run.count > 1) last.json = JSON.stringify(run.delta);
}

/** Frames begin with their `type`: the prefix tells which ones are deltas, and no other frame is parsed. */
function parseDelta(json: string): Delta | null {
  if (!json.startsWith('{"type":"delta"') && !json.startsWith('{"type":"reasoning_delta"')) return null;
  return JSON.parse(json) as Delta;
}
