// PURE
import { classifyPosition } from "@boocode/contracts";
import { classifyLive } from "../../../services/gateway/src/joining/classify-live.ts";
import { type Applied, load, receive } from "./client.ts";
import { type Context, epochName, withSubscriber } from "./context.ts";
import { plan, relayed } from "./plan.ts";
import { advanceNewest, currentPosition, reaches, withGateway } from "./shared-reads.ts";
import {
  type CatchUp,
  framesOf,
  type Plan,
  type Planned,
  positionOf,
  type Reading,
  type Sent,
  type Subscriber,
  UNWATCHED,
  type World,
} from "./state.ts";

/*
 * The topic of one gateway, as in `session-topic.ts` and `catch-up.ts`: joining subscribers are served by one catch-up at a
 * time, which reads Postgres, then the log, and then replays what was published meanwhile. A client receives a frame at once,
 * unless its socket is broken. A connection that loses its last frames is modelled as a socket that broke before them.
 */
export function gatewaySteps(context: Context, world: World): void {
  const { gateway } = world;
  const watched = world.subscribers.some((subscriber) => subscriber.mode !== "away");
  world.subscribers.forEach((subscriber, index) => {
    subscriberSteps(context, world, subscriber, index);
  });
  if (watched && gateway.channel === "none") {
    context.emit("the gateway subscribes", withGateway(world, { channel: "up" }));
  }
  if (gateway.channel === "down") context.emit("the gateway resubscribes", resubscribed(context, world));
  if (gateway.arriving) context.emit(`the gateway receives ${gateway.arriving.slice(0, 5)}`, arrive(context, world));
  catchUpSteps(context, world);
}

function subscriberSteps(context: Context, world: World, subscriber: Subscriber, index: number): void {
  const name = `subscriber ${index + 1}`;
  if (subscriber.mode === "away") {
    const joining = subscribed(context, withSubscriber(world, index, { mode: "joining", at: subscriber.cursor }));
    context.emit(`${name} connects with ${subscriber.cursor}`, joining);
  }
  if (subscriber.dead) context.emit(`${name} notices its broken socket`, unwatched(left(world, index)));
  const { loading } = subscriber;
  if (loading)
    context.emit(
      `${name} receives the answer of REST`,
      applied(world, index, load(context, subscriber, loading, currentPosition(context, loading))),
    );
  if (context.rules.positionCheck && subscriber.mode === "live" && isQuiet(world)) {
    const position = currentPosition(context, world.rows);
    const isBehind = position !== "00n0" && classifyPosition(positionOf(subscriber.at), positionOf(position)) !== "old";
    const checked = context.rules.checkAdvancesNewest ? advanceNewest(world, position) : world;
    if (isBehind)
      context.emit(`the position check finds ${name} behind`, withSubscriber(checked, index, { mode: "joining" }));
  }
}

/** The subscriber leaves. If it reconnects, the gateway sees a new subscriber, which the current catch-up does not serve. */
function left(world: World, index: number): World {
  const { catchUp } = world.gateway;
  const after = withSubscriber(world, index, { mode: "away", at: "00n0", dead: false });
  if (!catchUp) return after;
  switch (catchUp.phase) {
    case "reading":
      return withGateway(after, { catchUp: { ...catchUp, who: catchUp.who & ~(1 << index) } });
    case "planned": {
      const plans = catchUp.plans.map((plan, i) => (i === index ? null : plan));
      return withGateway(after, { catchUp: { ...catchUp, plans } });
    }
  }
}

/**
 * The position check compares with the state of one or two seconds ago, so that everything sent by then has arrived. Earlier
 * checks need no step of their own: other causes can start the same catch-up at any moment.
 */
function isQuiet(world: World): boolean {
  const isSent = world.workers.every(
    ({ turn, attempt, sent }) => turn < 0 || world.rows[turn]!.produced[attempt - 1]!.frames.length === sent,
  );
  return isSent && !world.gateway.arriving && !world.gateway.catchUp && !world.orphanEnd;
}

/** No subscriber is served before the subscription is acknowledged, so connecting and subscribing are one step. */
function subscribed(context: Context, world: World): World {
  const waits = context.rules.subscribeBeforeReading && world.gateway.channel === "none";
  return waits ? withGateway(world, { channel: "up" }) : world;
}

function catchUpSteps(context: Context, world: World): void {
  const { gateway } = world;
  const { catchUp } = gateway;
  if (!catchUp) {
    beginCatchUp(context, world);
    return;
  }
  switch (catchUp.phase) {
    case "reading": {
      const isGood = catchUp.goal === null || (catchUp.rows === gateway.cached && reaches(context, catchUp, world.log));
      const again: Reading = { ...catchUp, rows: world.rows, goal: null };
      if (isGood)
        context.emit("the catch-up reads the log", withGateway(world, { catchUp: planned(context, world, catchUp) }));
      else
        context.emit(
          "the log does not lead on, the catch-up reads Postgres",
          withGateway(world, { catchUp: again, cached: world.rows }),
        );
      return;
    }
    case "planned":
      if (gateway.channel !== "none") context.emit("the catch-up ends", endCatchUp(context, world, catchUp));
      return;
    default:
      catchUp satisfies never;
  }
}

function beginCatchUp(context: Context, world: World): void {
  const { gateway } = world;
  const who = world.subscribers.reduce(
    (sum, subscriber, index) => sum + (subscriber.mode === "joining" ? 1 << index : 0),
    0,
  );
  if (who === 0 || (gateway.channel === "none" && context.rules.subscribeBeforeReading)) return;
  const begun: Reading = { phase: "reading", who, rows: world.rows, buffer: "", goal: null, interrupted: false };
  const cached = context.scope.sharesReads ? world.rows : null;
  context.emit("a catch-up begins and reads Postgres", withGateway(world, { catchUp: begun, cached }));
  if (gateway.cached) {
    const shared = { ...begun, rows: gateway.cached, goal: gateway.newest };
    context.emit("a catch-up begins with the cached read", withGateway(world, { catchUp: shared }));
  }
}

/** Everything has been read, so each subscriber's frames are decided, except for those that are yet to be published. */
function planned(context: Context, world: World, { who, rows, buffer, interrupted }: Reading): Planned {
  const epochOf = (turn: number, attempt: number) => epochName(context.rules, turn, attempt);
  const plans = world.subscribers.map(({ at }, index) => {
    if (!(who & (1 << index))) return null;
    const first = plan(at, rows, world.log, epochOf, context.rules.deletedNotReplayed);
    return framesOf(buffer).reduce((sum, frame) => withBuffered(context, sum, frame), first);
  });
  return { phase: "planned", plans, interrupted };
}

/** Adds to a plan a frame that was published before the plan was sent. */
function withBuffered(context: Context, plan: Plan, frame: string): Plan {
  const verdict = verdictOf(context, plan.cursor, plan.over, frame);
  if (plan.again || verdict === "old") return plan;
  if (verdict === "misfit") return { ...plan, again: context.rules.joinAgainOnBufferedGap };
  const sent = relayed(frame);
  return { ...plan, frames: [...plan.frames, sent], cursor: sent.position, over: sent.end !== "" };
}

function endCatchUp(context: Context, world: World, { plans, interrupted }: Planned): World {
  let after = withGateway(world, { catchUp: null });
  for (const [index, plan] of plans.entries()) {
    if (!plan) continue;
    after = withSubscriber(after, index, { mode: "live", at: plan.cursor, over: plan.over });
    for (const sent of plan.frames) after = send(context, after, index, sent);
    const again = plan.again || (interrupted && context.rules.gapRepeatsCatchUp);
    if (again && after.subscribers[index]!.mode === "live") after = withSubscriber(after, index, { mode: "joining" });
  }
  return unwatched(after);
}

function arrive(context: Context, world: World): World {
  const { gateway } = world;
  const frame = gateway.arriving.slice(0, 5);
  const catchUp = gateway.catchUp && buffered(context, gateway.catchUp, frame);
  let after = advanceNewest(withGateway(world, { arriving: gateway.arriving.slice(5), catchUp }), frame.slice(0, 4));
  for (let index = 0; index < world.subscribers.length; index++) {
    if (after.subscribers[index]!.mode === "live") after = deliver(context, after, index, frame);
  }
  return unwatched(after);
}

/** Keeps a frame that is published during a catch-up for its end, except one that the rows cover: it would be old then. */
function buffered(context: Context, catchUp: CatchUp, frame: string): CatchUp {
  switch (catchUp.phase) {
    case "reading": {
      const read = currentPosition(context, catchUp.rows);
      const isOld = classifyPosition(positionOf(read), positionOf(frame.slice(0, 4))) === "old";
      return isOld ? catchUp : { ...catchUp, buffer: catchUp.buffer + frame };
    }
    case "planned":
      return { ...catchUp, plans: catchUp.plans.map((plan) => plan && withBuffered(context, plan, frame)) };
  }
}

function deliver(context: Context, world: World, index: number, frame: string): World {
  const { at, over } = world.subscribers[index]!;
  const verdict = verdictOf(context, at, over, frame);
  if (verdict === "old") return world;
  if (verdict === "misfit") return withSubscriber(world, index, { mode: "joining" });
  const sent = relayed(frame);
  return send(context, withSubscriber(world, index, { at: sent.position, over: sent.end !== "" }), index, sent);
}

/** The gateway's own rule. A mutant is shown a cursor, or a frame, for which the rule that it lacks makes no difference. */
function verdictOf({ rules }: Context, at: string, over: boolean, name: string): "next" | "old" | "misfit" {
  const frame = positionOf(name.slice(0, 4));
  const cursor = positionOf(at);
  const isLater = frame.epoch.ordinal > cursor.epoch.ordinal;
  const last = rules.noTurnIsSkipped || !isLater ? cursor.epoch.ordinal : frame.epoch.ordinal - 1;
  const attempt = rules.laterAttemptsAreJoined || !isLater ? frame.epoch.attempt : 1;
  return classifyLive(
    { cursor: { ...cursor, epoch: { ...cursor.epoch, ordinal: last } }, isOver: over || !rules.nextTurnAwaitsTheEnd },
    { ...frame, epoch: { ...frame.epoch, attempt } },
  );
}

function send(context: Context, world: World, index: number, sent: Sent): World {
  const subscriber = world.subscribers[index]!;
  if (subscriber.mode === "away") return world;
  const after = subscriber.dead ? world : applied(world, index, receive(context, subscriber, sent));
  return sent.ofDeleted ? { ...after, wrong: "T11 deleted text was sent" } : after;
}

function applied(world: World, index: number, { subscriber, wrong }: Applied): World {
  const after = withSubscriber(
    world,
    index,
    subscriber.mode === "away" ? { ...subscriber, at: "00n0", dead: false } : subscriber,
  );
  return wrong ? { ...after, wrong } : after;
}

function resubscribed(context: Context, world: World): World {
  const { catchUp } = world.gateway;
  const dropped = context.rules.gapDropsCachedRead ? ({ cached: null, newest: "00n0" } as const) : {};
  const interrupted = catchUp && { ...catchUp, interrupted: true };
  const after = withGateway(world, { channel: "up", catchUp: interrupted, ...dropped });
  if (!context.rules.joinAfterResubscribe) return unwatched(after);
  return unwatched({
    ...after,
    subscribers: after.subscribers.map((one) => (one.mode === "live" ? { ...one, mode: "joining" } : one)),
  });
}

/** Drops a topic without subscribers and unsubscribes from its channel. */
function unwatched(world: World): World {
  if (world.subscribers.some((subscriber) => subscriber.mode !== "away")) return world;
  return { ...world, gateway: { ...UNWATCHED, channel: world.gateway.channel === "down" ? "down" : "none" } };
}
