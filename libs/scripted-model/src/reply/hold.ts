import type { Gates } from "../control/gates.ts";
import type { Hold } from "./reply.ts";
import type { ResponseWriter } from "./response-writer.ts";

interface Held {
  writer: ResponseWriter;
  gates: Gates;
  /** Sends an SSE comment this often meanwhile; null where there are no headers yet, or no comments are asked for. */
  keepAliveMs: number | null;
}

/** Waits until the gate is released or the client goes away; where there is no gate, for the client alone. */
export async function hold({ gate }: Hold, { writer, gates, keepAliveMs }: Held): Promise<void> {
  let open = false;
  let wake = () => {};
  const pass = () => {
    open = true;
    wake();
  };
  const leave = gate === null ? () => {} : gates.arrive(gate, pass);
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
