import type { Gates } from "../control/gates.ts";
import type { Hold } from "./reply.ts";
import type { ResponseWriter } from "./response-writer.ts";

interface Held {
  writer: ResponseWriter;
  gates: Gates;
  /** Interval of SSE comments while waiting; null before the headers are sent, or when the script asks for no comments. */
  keepAliveMs: number | null;
}

/** Waits until the gate opens or the client disconnects; without a gate, until the client disconnects. */
export async function hold({ gate }: Hold, { writer, gates, keepAliveMs }: Held): Promise<void> {
  let open = false;
  let wake = () => {};
  const onOpen = () => {
    open = true;
    wake();
  };
  const leave = gate === null ? () => {} : gates.arrive(gate, onOpen);
  if (leave === null) return;
  while (!open && !writer.gone) {
    await writer.until((done) => {
      wake = done;
      const timer = keepAliveMs === null ? undefined : setTimeout(done, keepAliveMs);
      return () => clearTimeout(timer);
    });
    if (!open && keepAliveMs !== null) await writer.write(":\n\n");
  }
  leave();
}
