// PURE
import { type Context, fault, withRow, withSubscriber, withWorker } from "./context.ts";
import { framesOf, hasEnded, IDLE, UNWATCHED, type World } from "./state.ts";
import { reconcile } from "./worker-steps.ts";

/** Faults of processes, connections and Redis between two steps. Those of an append are in `append.ts`. */
export function faults(context: Context, world: World): void {
  if (world.faults === 0 && context.scope.free.length === 0) return;
  world.workers.forEach(({ turn, attempt }, index) => {
    if (turn < 0) return;
    const row = world.rows[turn]!;
    // A worker whose attempt is over stops anyway.
    if (row.attempt > attempt) return;
    const holds = row.lease;
    const without = holds ? withRow(world, turn, { lease: false }) : world;
    const who = `attempt ${attempt} of turn ${turn + 1}`;
    const kind = hasEnded(row) ? "kill worker at the end" : "kill worker";
    fault(context, world, kind, `the worker of ${who} is killed`, () => withWorker(without, index, IDLE));
    if (holds && row.status === "r") {
      // Only the reconciler reads a lease, so expiry and takeover are one step.
      reconcile(takenOver(context, world, `the lease of ${who} expires, its worker goes on, and`), without, turn);
    }
  });
  world.rows.forEach((row, turn) => {
    if (row.status === "r") {
      fault(context, world, "cancel", `turn ${turn + 1} is cancelled`, () => withRow(world, turn, { status: "x" }));
    }
    if (hasEnded(row) && !row.deleted) {
      const label = `the messages of turn ${turn + 1} are deleted`;
      fault(context, world, "delete messages", label, () =>
        withRow(world, turn, { deleted: true, done: "", draft: "" }),
      );
    }
  });
  if (world.orphanEnd) {
    fault(context, world, "kill reconciler", "the reconciler is killed", () => ({ ...world, orphanEnd: "" }));
  }
  if (world.log) {
    fault(context, world, "flush", "Redis is flushed", () => ({ ...world, log: "" }));
    fault(context, world, "trim", "all but the newest frame of each log is trimmed", () => trimmed(world));
  }
  gatewayFaults(context, world);
}

/** Turns the reconciler's steps into faults of the kind "lose lease". */
function takenOver(context: Context, world: World, what: string): Context {
  const emit: Context["emit"] = (label, next) => fault(context, world, "lose lease", `${what} ${label}`, () => next);
  return { ...context, emit };
}

function gatewayFaults(context: Context, world: World): void {
  const { gateway } = world;
  const away = { mode: "away", at: "00n0", dead: false } as const;
  if (gateway.channel === "up") {
    fault(context, world, "drop subscriber", "the gateway's subscriber connection drops", () => ({
      ...world,
      gateway: { ...gateway, channel: "down", arriving: "" },
    }));
  }
  if (gateway.channel !== "none") {
    fault(context, world, "restart gateway", "the gateway is killed and restarted", () => ({
      ...world,
      gateway: UNWATCHED,
      subscribers: world.subscribers.map((subscriber) => ({ ...subscriber, ...away })),
    }));
  }
  world.subscribers.forEach((subscriber, index) => {
    const name = `subscriber ${index + 1}`;
    if (subscriber.mode !== "away" && !subscriber.dead) {
      fault(context, world, "break socket", `the socket of ${name} breaks`, () =>
        withSubscriber(world, index, { dead: true }),
      );
    }
    if (!subscriber.loading && world.rows.some((row) => row.attempt > 0)) {
      const label = `${name} loads the session by REST`;
      fault(context, world, "load by REST", label, () => withSubscriber(world, index, { loading: world.rows }));
    }
  });
}

function trimmed(world: World): World {
  const frames = framesOf(world.log);
  const cached = frames.filter((frame, i) => !frames.slice(i + 1).some((later) => later.startsWith(frame.slice(0, 3))));
  return { ...world, log: cached.join("") };
}
