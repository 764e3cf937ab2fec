// PURE
import type { Position } from "@boocode/contracts";

/** A merged text stays far below the frame limit, whatever it holds. */
const MAX_MERGED_CHARACTERS = 8_000;

interface Text {
  type: string;
  message_id: string;
  seq: number;
  first_seq?: number;
  content: string;
}

/**
 * Runs of deltas of one message become one delta that covers `first_seq … seq`: a replay costs its bytes, not its frames.
 * Everything else stays as it was logged, byte for byte.
 */
export function mergeDeltas(
  frames: readonly { json: string; position: Position }[],
): { json: string; position: Position }[] {
  const merged: { json: string; position: Position }[] = [];
  let run: { text: Text; count: number } | null = null;
  for (const frame of frames) {
    const text = asText(frame.json);
    const last = merged.at(-1);
    if (
      run &&
      last &&
      text &&
      text.type === run.text.type &&
      text.message_id === run.text.message_id &&
      run.text.content.length + text.content.length <= MAX_MERGED_CHARACTERS
    ) {
      const joined: Text = {
        ...text,
        first_seq: run.text.first_seq ?? run.text.seq,
        content: run.text.content + text.content,
      };
      run = { text: joined, count: run.count + 1 };
      merged[merged.length - 1] = { json: "", position: frame.position };
    } else {
      write(merged, run);
      run = text && { text, count: 1 };
      merged.push(frame);
    }
  }
  write(merged, run);
  return merged;
}

function write(merged: { json: string; position: Position }[], run: { text: Text; count: number } | null): void {
  const last = merged.at(-1);
  if (run && last && run.count > 1) last.json = JSON.stringify(run.text);
}

/** The frame is parsed only when it can be a delta: types are written first. */
function asText(json: string): Text | null {
  if (!json.startsWith('{"type":"delta"') && !json.startsWith('{"type":"reasoning_delta"')) return null;
  return JSON.parse(json) as Text;
}
