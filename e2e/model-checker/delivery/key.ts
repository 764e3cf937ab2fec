// PURE
import {
  type CatchUp,
  hasEnded,
  type Plan,
  type Row,
  type Subscriber,
  stored,
  type Worker,
  type World,
} from "./state.ts";

/** Caches the key of a value that many states share. */
function remembered<T extends object>(make: (value: T) => string): (value: T) => string {
  const known = new WeakMap<T, string>();
  return (value) => {
    let text = known.get(value);
    if (text === undefined) {
      text = make(value);
      known.set(value, text);
    }
    return text;
  };
}

/** Rows as a reader sees them; nothing else of an earlier read matters. */
export const readKey = remembered((rows: readonly Row[]) => rows.map(readRowKey).join("/"));

function readRowKey(row: Row): string {
  if (row.attempt === 0) return "";
  return `${row.attempt}.${row.seq}${row.deleted ? "d" : ""}${stored(row)}${hasEnded(row) ? row.status : ""}`;
}

const planKey = remembered(({ frames, cursor, over, again }: Plan) => {
  let key = `${cursor}${over ? "o" : ""}${again ? "again" : ""}`;
  for (const { position, firstSeq, kind, text, end, ofDeleted } of frames)
    key += `,${position}${firstSeq}${kind[0]}${text}${end}${ofDeleted ? "d" : ""}`;
  return key;
});

function catchUpKey(catchUp: CatchUp): string {
  const flag = catchUp.interrupted ? "!" : "";
  switch (catchUp.phase) {
    case "planned":
      return `${flag}=${catchUp.plans.map((plan) => (plan ? planKey(plan) : "")).join("?")}`;
    case "reading":
      return `${flag}${catchUp.who}${readKey(catchUp.rows)}?${catchUp.buffer}${catchUp.goal ?? ""}`;
  }
}

function rowKey(row: Row): string {
  let key = `${row.status}${row.attempt}${row.seq}${row.crashes}${row.next}${row.lease ? "l" : ""}${row.deleted ? "d" : ""}`;
  key += `"${row.done}|${row.draft}"`;
  for (const epoch of row.produced) key += `${epoch.base}${epoch.start}${epoch.frames},`;
  return key;
}

const subscriberKey = (subscriber: Subscriber) => {
  const { mode, at, over, dead, cursor, texts, ends, loading } = subscriber;
  let key = mode === "away" ? "-" : `${mode[0]}${at}${mode === "live" && over ? "o" : ""}${dead ? "d" : ""}`;
  key += cursor;
  for (let turn = 0; turn < texts.length; turn++) key += `"${texts[turn]}${ends[turn]}`;
  return loading ? `${key}load${readKey(loading)}` : key;
};

/** Workers and subscribers are interchangeable: states that differ only in their order have one key. */
export function keyOf(world: World): string {
  const { rows, workers, log, orphanEnd, late, gateway, subscribers, faults } = world;
  let key = `${faults}${world.wrong}`;
  for (const row of rows) key += rowKey(row);
  key += `;${inOrder(workers, workerKey)};${log};${orphanEnd};${gateway.channel[0]}${gateway.arriving};`;
  if (late) key += `late${late.turn}${late.attempt}${late.seq}`;
  const { catchUp } = gateway;
  if (catchUp) key += `catch-up${catchUpKey(catchUp)}`;
  if (gateway.cached) key += `cached${readKey(gateway.cached)}${gateway.newest}`;
  // A catch-up refers to subscribers by index, so their order matters while there is one.
  return `${key}${catchUp ? subscribers.map(subscriberKey).join("&") : inOrder(subscribers, subscriberKey)}`;
}

const workerKey = ({ turn, attempt, sent }: Worker) => (turn < 0 ? "-" : `${turn}${attempt}${sent}`);

/** The same key for either order of two items. */
function inOrder<T>(items: readonly T[], keyOfItem: (item: T) => string): string {
  const first = keyOfItem(items[0]!);
  if (items.length === 1) return first;
  const second = keyOfItem(items[1]!);
  return first < second ? `${first}&${second}` : `${second}&${first}`;
}

/** A state in one line, for traces. */
export function show(world: World): string {
  const { gateway } = world;
  const rows = world.rows
    .map((row) => `${row.status}${row.attempt}.${row.seq} "${row.done}|${row.draft}"${row.deleted ? " deleted" : ""}`)
    .join(", ");
  const subscribers = world.subscribers
    .map(
      (v) =>
        `${v.mode}${v.dead ? " (dead)" : ""} at ${v.at} shows ${v.cursor} "${v.texts.join("|")}"${v.ends.join("")}`,
    )
    .join(" & ");
  const log = world.log.match(/.{5}/g)?.join(" ") ?? "";
  const arriving = gateway.arriving.match(/.{5}/g)?.join(" ") ?? "";
  return `db ${rows} · log [${log}] · ${gateway.channel} [${arriving}] · ${subscribers}`;
}
