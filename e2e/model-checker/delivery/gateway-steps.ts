// PURE
import { judge } from "@boocode/contracts";
import { type Applied, load, receive } from "./client.ts";
import { type Context, epochName, withSubscriber } from "./context.ts";
import { plan, sentAsItCame } from "./plan.ts";
import { currentPlace, heard, reaches, withGateway } from "./shared-reads.ts";
import {
  type Answer,
  framesOf,
  type Pass,
  placeOf,
  type Sent,
  type Subscriber,
  UNWATCHED,
  type World,
} from "./state.ts";

/**
 * One gateway's topic, as in `session-topic.ts`: joining subscribers are served by catch-ups, one at a time, each of which
 * reads Postgres, then the log, and then applies what arrived meanwhile. A sent frame reaches the client at once unless the
 * socket is broken; a connection that loses its last frames is a socket that broke before them.
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
  if (gateway.channel === "down") context.emit("the gateway is subscribed again", resubscribed(context, world));
  if (gateway.arriving) context.emit(`the gateway receives ${gateway.arriving.slice(0, 5)}`, arrive(context, world));
  passSteps(context, world);
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
      `${name} has its answer of REST`,
      applied(world, index, load(context, subscriber, loading, currentPlace(context, loading))),
    );
  if (context.rules.positionCheck && subscriber.mode === "live" && isQuiet(world)) {
    const place = currentPlace(context, world.rows);
    const isBehind = place !== "00n0" && judge(placeOf(subscriber.at), placeOf(place)) !== "old";
    const told = context.rules.checkTellsReads ? heard(world, place) : world;
    if (isBehind)
      context.emit(`the position check finds ${name} behind`, withSubscriber(told, index, { mode: "joining" }));
  }
}

/** A client that reconnects is a new subscriber: the catch-up in progress does not serve it. */
function left(world: World, index: number): World {
  const { pass } = world.gateway;
  const after = withSubscriber(world, index, { mode: "away", at: "00n0", dead: false });
  if (!pass) return after;
  const answers = pass.answers?.map((answer, i) => (i === index ? null : answer)) ?? null;
  return withGateway(after, { pass: { ...pass, who: pass.who & ~(1 << index), answers } });
}

/**
 * The check compares what was true a second or two ago, so frames in flight have arrived by then. A catch-up that it starts
 * earlier equals one that other causes may start at any moment.
 */
function isQuiet(world: World): boolean {
  const isSent = world.workers.every(
    ({ turn, attempt, sent }) => turn < 0 || world.rows[turn]!.produced[attempt - 1]!.frames.length === sent,
  );
  return isSent && !world.gateway.arriving && !world.gateway.pass && !world.orphanEnd;
}

/** No subscriber is served before the acknowledgement, so connecting and subscribing are one step. */
function subscribed(context: Context, world: World): World {
  const waits = context.rules.subscribeBeforeReading && world.gateway.channel === "none";
  return waits ? withGateway(world, { channel: "up" }) : world;
}

function passSteps(context: Context, world: World): void {
  const { gateway } = world;
  const { pass } = gateway;
  if (!pass) {
    const who = world.subscribers.reduce(
      (sum, subscriber, index) => sum + (subscriber.mode === "joining" ? 1 << index : 0),
      0,
    );
    if (who === 0 || (gateway.channel === "none" && context.rules.subscribeBeforeReading)) return;
    const begun: Pass = { who, rows: world.rows, buffer: "", answers: null, goal: null, holed: false };
    const kept = context.scope.sharesReads ? world.rows : null;
    context.emit("a pass begins and reads Postgres", withGateway(world, { pass: begun, kept }));
    if (gateway.kept) {
      const shared = { ...begun, rows: gateway.kept, goal: gateway.newest };
      context.emit("a pass begins with what was read before", withGateway(world, { pass: shared }));
    }
  } else if (pass.answers === null) {
    const isGood = pass.goal === null || (pass.rows === gateway.kept && reaches(context, pass, world.log));
    const again: Pass = { ...pass, rows: world.rows, goal: null };
    if (isGood) context.emit("the pass reads the log", withGateway(world, { pass: planned(context, world, pass) }));
    else
      context.emit(
        "the log does not lead on, the pass reads Postgres",
        withGateway(world, { pass: again, kept: world.rows }),
      );
  } else if (gateway.channel !== "none")
    context.emit("the pass ends", endPass(context, world, pass.answers, pass.holed));
}

/** All reads are done: each subscriber's outcome is decided, except for frames still to arrive. */
function planned(context: Context, world: World, pass: Pass): Pass {
  const epochOf = (turn: number, attempt: number) => epochName(context.rules, turn, attempt);
  const answers = world.subscribers.map(({ at }, index) => {
    if (!(pass.who & (1 << index))) return null;
    const answer = plan(at, pass.rows, world.log, epochOf, context.rules.deletedNotReplayed);
    return framesOf(pass.buffer).reduce((sum, frame) => andThen(context, sum, frame), answer);
  });
  return { ...pass, buffer: "", goal: null, answers };
}

/** An answer, and a frame that arrived before it was sent. */
function andThen(context: Context, answer: Answer, frame: string): Answer {
  const verdict = judge(placeOf(answer.cursor), placeOf(frame.slice(0, 4)));
  if (answer.again || verdict === "old") return answer;
  if (verdict === "misfit") return { ...answer, again: context.rules.joinAgainOnBufferedMisfit };
  return { ...answer, frames: [...answer.frames, sentAsItCame(frame)], cursor: frame.slice(0, 4) };
}

function endPass(context: Context, world: World, answers: readonly (Answer | null)[], holed: boolean): World {
  let after = withGateway(world, { pass: null });
  for (const [index, answer] of answers.entries()) {
    if (!answer) continue;
    after = withSubscriber(after, index, { mode: "live", at: answer.cursor });
    for (const sent of answer.frames) after = send(context, after, index, sent);
    const again = answer.again || (holed && context.rules.gapRepeatsPass);
    if (again && after.subscribers[index]!.mode === "live") after = withSubscriber(after, index, { mode: "joining" });
  }
  return unwatched(after);
}

function arrive(context: Context, world: World): World {
  const { gateway } = world;
  const frame = gateway.arriving.slice(0, 5);
  const pass = gateway.pass && keep(context, gateway.pass, frame);
  let after = heard(withGateway(world, { arriving: gateway.arriving.slice(5), pass }), frame.slice(0, 4));
  for (let index = 0; index < world.subscribers.length; index++) {
    if (after.subscribers[index]!.mode === "live") after = deliver(context, after, index, frame);
  }
  return unwatched(after);
}

/** Frames that arrive during a catch-up are handled at its end. Those that the rows cover will be old by then. */
function keep(context: Context, pass: Pass, frame: string): Pass {
  if (pass.answers)
    return { ...pass, answers: pass.answers.map((answer) => answer && andThen(context, answer, frame)) };
  const isOld = judge(placeOf(currentPlace(context, pass.rows)), placeOf(frame.slice(0, 4))) === "old";
  return isOld ? pass : { ...pass, buffer: pass.buffer + frame };
}

function deliver(context: Context, world: World, index: number, frame: string): World {
  const verdict = judge(placeOf(world.subscribers[index]!.at), placeOf(frame.slice(0, 4)));
  if (verdict === "old") return world;
  if (verdict === "misfit") return withSubscriber(world, index, { mode: "joining" });
  const after = withSubscriber(world, index, { at: frame.slice(0, 4) });
  return send(context, after, index, sentAsItCame(frame));
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
  const { pass } = world.gateway;
  const forgotten = context.rules.gapForgetsReads ? ({ kept: null, newest: "00n0" } as const) : {};
  const after = withGateway(world, { channel: "up", pass: pass && { ...pass, holed: true }, ...forgotten });
  if (!context.rules.joinAfterResubscribe) return unwatched(after);
  return unwatched({
    ...after,
    subscribers: after.subscribers.map((v) => (v.mode === "live" ? { ...v, mode: "joining" } : v)),
  });
}

/** A topic without subscribers is dropped, and its channel unsubscribed. */
function unwatched(world: World): World {
  if (world.subscribers.some((subscriber) => subscriber.mode !== "away")) return world;
  return { ...world, gateway: { ...UNWATCHED, channel: world.gateway.channel === "down" ? "down" : "none" } };
}
