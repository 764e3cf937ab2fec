// PURE
import { wake } from "./api-steps.ts";
import { type Context, fault, setWorker, write } from "./context.ts";
import { hasEnded, IDLE, isActive, type Turn, type World } from "./state.ts";

/*
 * Workers. Each statement is one step, with that statement's fence. A paused worker does nothing, and goes on writing when it
 * resumes. A real worker would check its clock first; that is left out, because the fences must suffice.
 */
export function workerSteps(context: Context, world: World): void {
  const idle = world.workers.findIndex(({ turn, paused }) => turn < 0 && !paused);
  world.turns.forEach((turn, index) => {
    if (idle >= 0 && turn.jobs > 0) takeJob(context, world, index, idle);
    if (turn.jobs > 0) queueFaults(context, world, index);
  });
  world.workers.forEach((worker, index) => {
    if (worker.turn < 0) return;
    const name = `attempt ${worker.attempt} of turn ${worker.turn + 1}`;
    if (worker.paused) context.emit(`${name} resumes`, setWorker(world, index, { paused: false }));
    else work(context, world, index, name);
    workerFaults(context, world, index, name);
  });
}

function takeJob(context: Context, world: World, index: number, worker: number): void {
  const taken = withJobs(world, index, world.turns[index]!.jobs - 1);
  const claimed = claim(context, taken, index, worker);
  context.emit(
    `a job of turn ${index + 1} is taken${claimed ? "" : ", and there is nothing to claim"}`,
    claimed ?? taken,
  );
}

/** @returns null when the turn is not waiting, or another one comes first */
export function claim({ rules }: Context, world: World, index: number, worker: number): World | null {
  const turn = world.turns[index]!;
  if (!isClaimable(rules.claimLooksAtSession, world, index)) return null;
  const attempt = turn.attempt + 1;
  const draft = rules.claimResetsText ? 0 : turn.draft;
  const claimed = write(world, index, { status: "r", attempt, lease: true, draft });
  return setWorker(claimed, worker, { turn: index, attempt, step: turn.steps, paused: false });
}

export function isClaimable(looksAtSession: boolean, world: World, index: number): boolean {
  if (world.turns[index]!.status !== "q") return false;
  return !looksAtSession || world.turns.every((other, i) => !isActive(other) && (other.status !== "q" || i >= index));
}

function work(context: Context, world: World, index: number, name: string): void {
  const { turn: at, attempt, step } = world.workers[index]!;
  const { rules, emit } = context;
  const turn = world.turns[at]!;
  const isCurrent = turn.attempt === attempt;
  const holds = isCurrent && turn.status === "r";

  if (!(isCurrent && isActive(turn))) emit(`${name} has lost its turn and stops`, setWorker(world, index, IDLE));
  if (isCurrent && turn.status === "x") {
    emit(`${name} ends as cancelled`, done(context, end(world, at, "-", attempt), index, at));
    // Its next write is refused before it learns of the cancel: it treats the turn as lost.
    emit(`${name} stops`, setWorker(world, index, IDLE));
  }
  if (holds && !turn.lease) {
    const releases = turn.releases + 1;
    const back = write(world, at, { status: "q", releases }, attempt);
    emit(`${name} is released, because its lease has expired`, wake(context, setWorker(back, index, IDLE), at));
  }
  if (turn.draft !== attempt && (holds || (!rules.fencedDrafts && turn.status === "r"))) {
    emit(
      `${name} saves a draft`,
      checkDeleted(write(world, at, { draft: attempt, streaming: true }, attempt), at, turn),
    );
  }
  if (step < context.scope.steps) {
    if (!holds && rules.fencedSteps) return;
    const committed = commitStep(context, world, at, attempt, step);
    emit(`${name} commits step ${step + 1}`, setWorker(committed, index, { step: step + 1 }));
    fault(context, world, "repeat step", `${name} commits step ${step + 1}, and the answer is lost`, () => committed);
  } else if (holds || !rules.fencedFinish || (isCurrent && turn.status === "x" && !rules.finishCompares)) {
    emit(`${name} ends as complete`, done(context, end(world, at, "!", attempt), index, at));
  }
}

/** The step's message and its tool results, atomically. */
function commitStep({ rules }: Context, world: World, at: number, by: number, step: number): World {
  const turn = world.turns[at]!;
  if (turn.steps > step) {
    if (rules.stepsByNumber && turn.attempt === by) return world;
    return { ...world, wrong: `T2 step ${step + 1} is committed twice` };
  }
  return checkDeleted(write(world, at, { steps: step + 1, draft: 0, streaming: false }, by), at, turn);
}

/** A new message in a turn whose messages were deleted would be visible to every reader (T11). */
function checkDeleted(world: World, at: number, before: Turn): World {
  return before.deleted && before.status === "r"
    ? { ...world, wrong: `T11 turn ${at + 1} writes after its deletion` }
    : world;
}

function end(world: World, at: number, status: "!" | "-", by: number): World {
  const text = status === "!" ? { answer: by } : {};
  return write(world, at, { status, lease: false, streaming: false, ...text }, by);
}

/** Frees the worker, and wakes one for the session's next turn. */
function done(context: Context, world: World, index: number, at: number): World {
  const next = world.turns.findIndex((turn, i) => i !== at && turn.status === "q");
  const free = setWorker(world, index, IDLE);
  return next >= 0 ? wake(context, free, next) : free;
}

function workerFaults(context: Context, world: World, index: number, name: string): void {
  const worker = world.workers[index]!;
  const turn = world.turns[worker.turn]!;
  const holds = turn.attempt === worker.attempt && isActive(turn);
  fault(context, world, "kill worker", `the worker of ${name} is killed`, () =>
    setWorker(holds ? write(world, worker.turn, { lease: false }) : world, index, IDLE),
  );
  if (!worker.paused) {
    fault(context, world, "pause worker", `the worker of ${name} is paused`, () =>
      setWorker(world, index, { paused: true }),
    );
  }
  if (holds && turn.status === "r" && !worker.paused) {
    const releases = turn.releases + 1;
    const counted = context.rules.releaseKeepsCrashes ? { releases } : { releases, crashes: turn.crashes + 1 };
    fault(context, world, "sigterm", `${name} is released`, () => {
      const back = write(world, worker.turn, { status: "q", lease: false, ...counted }, worker.attempt);
      return wake(context, setWorker(back, index, IDLE), worker.turn);
    });
  }
}

function queueFaults(context: Context, world: World, index: number): void {
  const { jobs } = world.turns[index]!;
  fault(context, world, "lose job", `a job of turn ${index + 1} is lost`, () => withJobs(world, index, jobs - 1));
  if (jobs === 1 && !hasEnded(world.turns[index]!)) {
    fault(context, world, "double job", `a job of turn ${index + 1} is doubled`, () => withJobs(world, index, 2));
  }
  fault(context, world, "flush queue", "Redis is flushed", () => ({
    ...world,
    turns: world.turns.map((turn) => ({ ...turn, jobs: 0, idTaken: false })),
  }));
}

function withJobs(world: World, index: number, jobs: number): World {
  const turns = world.turns.slice();
  turns[index] = { ...turns[index]!, jobs };
  return { ...world, turns };
}
