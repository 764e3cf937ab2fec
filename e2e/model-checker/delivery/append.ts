// PURE
import { type Context, fault, withWorker } from "./context.ts";
import type { World } from "./state.ts";

/**
 * One append, and its faults. Like the Lua script, it silently refuses a seq that is not above the newest in its log, and logs
 * and publishes a frame atomically.
 * @param after the state in which the frame counts as sent
 * @param worker the index of the worker, which may retry; the reconciler does not
 */
export function append(context: Context, after: World, frame: string, who: string, worker?: number): void {
  const { gateway } = after;
  const room = gateway.arriving.length < context.scope.channel * 5;
  const refused = newestSeq(after.log, frame.slice(0, 3)) >= Number(frame[3]);
  const logged: World = refused ? after : { ...after, log: after.log + frame };
  const listens = gateway.channel === "up" && !refused;
  if (listens && !room) return;
  const published = listens ? { ...logged, gateway: { ...gateway, arriving: gateway.arriving + frame } } : logged;
  context.emit(`${who} appends ${frame}`, published);
  if (refused || isOld(after, frame)) return;
  if (listens) fault(context, after, "lose", `pub/sub loses ${frame}`, () => logged);
  fault(context, after, "refuse", `Redis refuses ${frame}, and its worker drops it`, () => after);
  if (worker !== undefined) {
    const { sent } = after.workers[worker]!;
    const again = () => withWorker(published, worker, { sent: sent - 1 });
    fault(context, after, "resend", `${who} appends ${frame}, and the answer is lost`, again);
  }
}

/** Losing a frame of an earlier epoch is the same as its worker stopping before the frame. */
function isOld(world: World, frame: string): boolean {
  return Number(frame[1]) < world.rows[Number(frame[0]) - 1]!.attempt;
}

function newestSeq(log: string, epoch: string): number {
  for (let i = log.length - 5; i >= 0; i -= 5) if (log.startsWith(epoch, i)) return Number(log[i + 3]);
  return 0;
}
