// PURE
import { judge } from "@boocode/contracts";
import { type Applied, load, receive } from "./client.ts";
import { type Context, epochName, withViewer } from "./context.ts";
import { plan, type Sent, sentAsItCame } from "./plan.ts";
import { currentPlace, heard, reaches, withGateway } from "./shared-reads.ts";
import { framesOf, isLetter, type Pass, placeOf, type Row, UNWATCHED, type Viewer, type World } from "./state.ts";

/*
 * One gateway's topic, as `session-topic.ts` has it: viewers that wait to join are served by passes, one at a time, each of
 * which reads Postgres, then the log, and then goes through what came in meanwhile. What is sent reaches the client at once,
 * unless the socket is broken; a connection that loses its last frames is a socket that broke before them.
 */
export function gatewaySteps(context: Context, world: World): void {
  const { gateway } = world;
  const watched = world.viewers.some((viewer) => viewer.mode !== "away");
  world.viewers.forEach((viewer, index) => {
    viewerSteps(context, world, viewer, index);
  });
  if (watched && gateway.channel === "none") {
    context.emit("the gateway subscribes", withGateway(world, { channel: "up" }));
  }
  if (gateway.channel === "down") context.emit("the gateway is subscribed again", resubscribed(context, world));
  if (gateway.arriving) context.emit(`the gateway receives ${gateway.arriving.slice(0, 5)}`, arrive(context, world));
  passSteps(context, world);
}

function viewerSteps(context: Context, world: World, viewer: Viewer, index: number): void {
  const name = `viewer ${index + 1}`;
  if (viewer.mode === "away") {
    const joining = subscribed(context, withViewer(world, index, { mode: "joining", at: viewer.cursor }));
    context.emit(`${name} connects with ${viewer.cursor}`, joining);
  }
  if (viewer.dead) {
    context.emit(
      `${name} notices its broken socket`,
      unwatched(withViewer(world, index, { mode: "away", at: "00n0", dead: false })),
    );
  }
  const { loading } = viewer;
  if (loading)
    context.emit(
      `${name} has its answer of REST`,
      applied(world, index, load(context, viewer, loading, currentPlace(context, loading))),
    );
  if (context.rules.positionCheck && viewer.mode === "live" && isQuiet(world)) {
    const place = currentPlace(context, world.rows);
    const isBehind = place !== "00n0" && judge(placeOf(viewer.at), placeOf(place)) !== "old";
    const told = context.rules.checkTellsReads ? heard(world, place) : world;
    if (isBehind) context.emit(`the position check finds ${name} behind`, withViewer(told, index, { mode: "joining" }));
  }
}

/**
 * The check looks at what was true a second or two ago, so that what is on its way has arrived by then. A pass that it
 * starts earlier is nothing that other causes do not start at any moment.
 */
function isQuiet(world: World): boolean {
  const isSent = world.workers.every(
    ({ turn, attempt, sent }) => turn < 0 || world.rows[turn]!.produced[attempt - 1]!.frames.length === sent,
  );
  return isSent && !world.gateway.arriving && !world.gateway.pass && !world.orphanEnd;
}

/** Nobody is served before the acknowledgement, so that connecting and subscribing are one step. */
function subscribed(context: Context, world: World): World {
  const waits = context.rules.subscribeBeforeReading && world.gateway.channel === "none";
  return waits ? withGateway(world, { channel: "up" }) : world;
}

function passSteps(context: Context, world: World): void {
  const { gateway } = world;
  const { pass } = gateway;
  if (!pass) {
    const who = world.viewers.reduce((sum, viewer, index) => sum + (viewer.mode === "joining" ? 1 << index : 0), 0);
    if (who === 0 || (gateway.channel === "none" && context.rules.subscribeBeforeReading)) return;
    const begun: Pass = { who, rows: world.rows, log: null, buffer: "", goal: null, holed: false };
    const kept = context.scope.sharesReads ? world.rows : null;
    context.emit("a pass begins and reads Postgres", withGateway(world, { pass: begun, kept }));
    if (gateway.kept) {
      const shared = { ...begun, rows: gateway.kept, goal: gateway.newest };
      context.emit("a pass begins with what was read before", withGateway(world, { pass: shared }));
    }
  } else if (pass.log === null) {
    const isGood = pass.goal === null || (pass.rows === gateway.kept && reaches(context, pass, world.log));
    const again: Pass = { ...pass, rows: world.rows, goal: null };
    if (isGood)
      context.emit("the pass reads the log", withGateway(world, { pass: { ...pass, log: world.log, goal: null } }));
    else
      context.emit(
        "the log does not lead on, the pass reads Postgres",
        withGateway(world, { pass: again, kept: world.rows }),
      );
  } else if (gateway.channel !== "none") context.emit("the pass ends", endPass(context, world, pass));
}

function endPass(context: Context, world: World, pass: Pass): World {
  let after = withGateway(world, { pass: null });
  const epochOf = (turn: number, attempt: number) => epochName(context.rules, turn, attempt);
  for (let index = 0; index < world.viewers.length; index++) {
    const viewer = world.viewers[index]!;
    if (!(pass.who & (1 << index)) || viewer.mode !== "joining") continue;
    const answer = plan(viewer.at, pass.rows, pass.log!, epochOf, context.rules.deletedNotReplayed);
    after = withViewer(after, index, { mode: "live", at: answer.cursor });
    for (const sent of answer.frames) after = send(context, after, index, sent, pass.rows);
    for (const frame of framesOf(pass.buffer)) {
      if (after.viewers[index]!.mode === "live")
        after = deliver(context, after, index, frame, !context.rules.joinAgainOnBufferedMisfit);
    }
    if (pass.holed && context.rules.holeRepeatsPass && after.viewers[index]!.mode === "live") {
      after = withViewer(after, index, { mode: "joining" });
    }
  }
  return unwatched(after);
}

function arrive(context: Context, world: World): World {
  const { gateway } = world;
  const frame = gateway.arriving.slice(0, 5);
  const pass = gateway.pass && { ...gateway.pass, buffer: gateway.pass.buffer + frame };
  let after = heard(withGateway(world, { arriving: gateway.arriving.slice(5), pass }), frame.slice(0, 4));
  for (let index = 0; index < world.viewers.length; index++) {
    if (after.viewers[index]!.mode === "live") after = deliver(context, after, index, frame, false);
  }
  return unwatched(after);
}

function deliver(context: Context, world: World, index: number, frame: string, ignoresMisfit: boolean): World {
  const verdict = judge(placeOf(world.viewers[index]!.at), placeOf(frame.slice(0, 4)));
  if (verdict === "old" || (verdict === "misfit" && ignoresMisfit)) return world;
  if (verdict === "misfit") return withViewer(world, index, { mode: "joining" });
  const after = withViewer(world, index, { at: frame.slice(0, 4) });
  return send(context, after, index, sentAsItCame(frame), null);
}

/** @param read what Postgres said when this was put together; null for a frame that goes out as it came */
function send(context: Context, world: World, index: number, sent: Sent, read: readonly Row[] | null): World {
  const viewer = world.viewers[index]!;
  if (viewer.mode === "away") return world;
  const after = viewer.dead ? world : applied(world, index, receive(context, viewer, sent));
  const shown = read?.[Number(sent.place[0]) - 1]?.deleted && [...(sent.text ?? "")].some(isLetter);
  return shown ? { ...after, wrong: "T11 deleted text was sent" } : after;
}

function applied(world: World, index: number, { viewer, wrong }: Applied): World {
  const after = withViewer(world, index, viewer.mode === "away" ? { ...viewer, at: "00n0", dead: false } : viewer);
  return wrong ? { ...after, wrong } : after;
}

function resubscribed(context: Context, world: World): World {
  const { pass } = world.gateway;
  const forgotten = context.rules.holeForgetsReads ? ({ kept: null, newest: "00n0" } as const) : {};
  const after = withGateway(world, { channel: "up", pass: pass && { ...pass, holed: true }, ...forgotten });
  if (!context.rules.joinAfterResubscribe) return unwatched(after);
  return unwatched({
    ...after,
    viewers: after.viewers.map((v) => (v.mode === "live" ? { ...v, mode: "joining" } : v)),
  });
}

/** A topic that nobody watches is forgotten, and its channel left. */
function unwatched(world: World): World {
  if (world.viewers.some((viewer) => viewer.mode !== "away")) return world;
  return { ...world, gateway: { ...UNWATCHED, channel: world.gateway.channel === "down" ? "down" : "none" } };
}
