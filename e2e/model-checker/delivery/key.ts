// PURE
import type { Produced, Row, Viewer, World } from "./state.ts";

/** The text of a value that many states share, made once. */
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

/** Rows as a reader sees them: of what was read at some time, nothing else matters any more. */
export const readKey = remembered((rows: readonly Row[]) =>
  rows
    .map((row) => `${row.status}${row.attempt}.${row.seq}${row.deleted ? "d" : ""}${row.done}|${row.draft}`)
    .join("/"),
);

const epochKey = remembered((epoch: Produced) => `${epoch.base}${epoch.start}${epoch.frames}`);

const rowKey = remembered((row: Row) => {
  const produced = row.produced.map(epochKey).join(",");
  const flags = `${row.lease ? "l" : ""}${row.deleted ? "d" : ""}${row.crashes}`;
  return `${row.status}${row.attempt}.${row.seq}"${row.done}|${row.draft}"${row.next}${flags}[${produced}]`;
});

const viewerKey = remembered((viewer: Viewer) => {
  const { mode, at, dead, cursor, texts, ends, loading } = viewer;
  const mine = mode === "away" ? "-" : `${mode[0]}${at}${dead ? "†" : ""}`;
  return `${mine} ${cursor}"${texts.join("|")}"${ends.join("|")}${loading ? ` load ${readKey(loading)}` : ""}`;
});

/** One text for each state; workers and viewers are interchangeable, and so stand in order. */
export function keyOf(world: World): string {
  const { rows, workers, log, orphanEnd, late, gateway, viewers, faults } = world;
  let key = `${faults}${world.wrong}`;
  for (const row of rows) key += rowKey(row);
  const busy = workers.map(({ turn, attempt, sent }) => (turn < 0 ? "-" : `${turn}${attempt}${sent}`)).sort();
  key += `;${busy.join()};${log};${orphanEnd};${gateway.channel[0]}${gateway.arriving};`;
  if (late) key += `late${late.turn}${late.attempt}${late.seq}`;
  const { pass } = gateway;
  if (pass) key += `${pass.who}${readKey(pass.rows)}?${pass.log ?? "unread"}?${pass.buffer}${pass.holed ? "!" : ""}`;
  const watching = viewers.map(viewerKey);
  // `who` names viewers by their place: then they may not change it.
  if (!pass) watching.sort();
  return `${key}${watching.join("&")}`;
}

/** A state in one line, for traces. */
export function show(world: World): string {
  const { gateway } = world;
  const rows = world.rows
    .map((row) => `${row.status}${row.attempt}.${row.seq} "${row.done}|${row.draft}"${row.deleted ? " deleted" : ""}`)
    .join(", ");
  const viewers = world.viewers
    .map(
      (v) =>
        `${v.mode}${v.dead ? " (dead)" : ""} at ${v.at} shows ${v.cursor} "${v.texts.join("|")}"${v.ends.join("")}`,
    )
    .join(" & ");
  const log = world.log.match(/.{5}/g)?.join(" ") ?? "";
  const arriving = gateway.arriving.match(/.{5}/g)?.join(" ") ?? "";
  return `db ${rows} · log [${log}] · ${gateway.channel} [${arriving}] · ${viewers}`;
}
