// PURE
import type { Scope } from "./rules.ts";

/*
 * The state of the turn model: one session in Postgres, a queue, APIs that post and workers that run turns. In place of a
 * text it keeps the attempt that wrote it, which is all that the invariants need.
 */

/** queued, running, cancelling (x), complete, cancelled (-), failed (#) */
type Status = "q" | "r" | "x" | "!" | "-" | "#";

export interface Turn {
  key: string;
  status: Status;
  attempt: number;
  /** Committed steps; a new attempt begins after them. */
  steps: number;
  /** The attempt that wrote the streaming message's text; 0: it is empty. */
  draft: number;
  /** The turn has a message with status `streaming`. */
  streaming: boolean;
  /** The attempt that wrote the final answer. */
  answer: number;
  lease: boolean;
  crashes: number;
  releases: number;
  /** Attempts that no worker ran, because the reconciler used them to end the turn. */
  ends: number;
  /** A cancel was accepted. */
  cancelAccepted: boolean;
  deleted: boolean;
  /** Jobs in the queue. */
  jobs: number;
  /** With fixed job ids: a job with this id still exists, and none can be added. */
  idTaken: boolean;
  /** It has ended, and only its status is kept. */
  forgotten: boolean;
}

export interface Worker {
  /** Index of its turn; -1 while it has none. */
  turn: number;
  attempt: number;
  /** The next step that it commits. */
  step: number;
  paused: boolean;
}

/** A client's request to one API. `turn`: the index of the turn in the answer; -1: none. */
export interface Post {
  key: string;
  stage: "unsent" | "committed" | "promised" | "answered";
  turn: number;
}

export interface World {
  turns: readonly Turn[];
  workers: readonly Worker[];
  posts: readonly Post[];
  faults: number;
  cancels: number;
  deletes: number;
  /** The invariant that the last step broke, if one did. */
  wrong: string;
}

export const newTurn = (key: string): Turn => ({
  key,
  status: "q",
  attempt: 0,
  steps: 0,
  draft: 0,
  streaming: false,
  answer: 0,
  lease: false,
  crashes: 0,
  releases: 0,
  ends: 0,
  cancelAccepted: false,
  deleted: false,
  jobs: 0,
  idTaken: false,
  forgotten: false,
});

export const IDLE: Worker = { turn: -1, attempt: 0, step: 0, paused: false };

export function begin(scope: Scope): World {
  return {
    turns: Array.from({ length: scope.turns }, (_, turn) => ({ ...newTurn(`t${turn}`), jobs: 1, idTaken: true })),
    workers: Array.from({ length: scope.workers }, () => IDLE),
    posts: scope.posts.map((key) => ({ key, stage: "unsent", turn: -1 })),
    faults: scope.faults,
    cancels: scope.cancels,
    deletes: scope.deletes,
    wrong: "",
  };
}

export const hasEnded = ({ status }: Turn) => status === "!" || status === "-" || status === "#";
export const isActive = ({ status }: Turn) => status === "r" || status === "x";

function turnKey(turn: Turn): string {
  if (turn.forgotten) return `${turn.key}${turn.status}`;
  const { streaming, lease, cancelAccepted, deleted, idTaken } = turn;
  const flags =
    (streaming ? 1 : 0) + (lease ? 2 : 0) + (cancelAccepted ? 4 : 0) + (deleted ? 8 : 0) + (idTaken ? 16 : 0);
  const counts = `${turn.attempt}${turn.steps}${turn.draft}${turn.answer}${turn.crashes}${turn.releases}${turn.ends}`;
  return `${turn.key}${turn.status}${counts}${turn.jobs}.${flags}`;
}

const workerKey = ({ turn, attempt, step, paused }: Worker) =>
  turn < 0 && !paused ? "-" : `${turn}.${attempt}${step}${paused ? "p" : ""}`;

/** Workers are interchangeable, and so are posts with one key: their order does not matter. */
export function keyOf(world: World): string {
  let key = `${world.faults}${world.cancels}${world.deletes}${world.wrong}`;
  for (const turn of world.turns) key += `,${turnKey(turn)}`;
  key += `;${world.workers.map(workerKey).sort().join()}`;
  if (world.posts.length === 0) return key;
  const posts = world.posts.map(({ key: name, stage, turn }) => `${name}${stage[0]}${turn}`);
  return `${key};${posts.sort().join()}`;
}

/** A state in one line, for traces. */
export function show(world: World): string {
  const turns = world.turns.map((turn) => {
    if (turn.forgotten) return turn.status;
    const text = `${turn.steps} steps${turn.streaming ? `, a draft of attempt ${turn.draft}` : ""}`;
    return `${turn.status}${turn.attempt}${turn.lease ? "" : " (no lease)"} ${text}, ${turn.jobs} jobs`;
  });
  const workers = world.workers.map((worker) =>
    worker.turn < 0 ? "idle" : `turn ${worker.turn + 1} attempt ${worker.attempt}${worker.paused ? " (paused)" : ""}`,
  );
  return `${turns.join(" · ")} | ${workers.join(", ")}${world.posts.map((p) => ` | post ${p.key} ${p.stage}`).join("")}`;
}
