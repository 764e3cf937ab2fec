/** Lets few tasks of each user run at once, the others in the order of arrival, so that a burst of one user leaves room for others. */
export interface Lanes {
  run<T>(user: string, task: () => Promise<T>): Promise<T>;
}

export interface LaneWidth {
  /** How many tasks of a user run at once. */
  atOnce: number;
  /** How long a task keeps its place at least: it causes more work than its own. */
  leastMs: number;
  /** A task that has waited this long runs anyway: tasks that hang hold up no others for longer. */
  longestWaitMs: number;
}

/** Each task runs at once. */
export const NO_LANES: LaneWidth = { atOnce: Number.POSITIVE_INFINITY, leastMs: 0, longestWaitMs: 0 };

interface Lane {
  places: number;
  /** Each starts the task that waits. */
  line: Set<() => void>;
}

export function createLanes({ atOnce, leastMs, longestWaitMs }: LaneWidth): Lanes {
  const lanes = new Map<string, Lane>();

  function leave(user: string, lane: Lane): void {
    lane.places -= 1;
    const [next] = lane.line;
    if (lane.places < atOnce) next?.();
    if (lane.places === 0) lanes.delete(user);
  }

  return {
    async run(user, task) {
      const lane = lanes.get(user) ?? { places: 0, line: new Set() };
      lanes.set(user, lane);
      if (lane.places < atOnce) lane.places += 1;
      else await enter(lane, longestWaitMs);
      const startedAt = performance.now();
      try {
        return await task();
      } finally {
        const left = leastMs - (performance.now() - startedAt);
        if (left > 0) setTimeout(leave, left, user, lane).unref();
        else leave(user, lane);
      }
    },
  };
}

async function enter(lane: Lane, longestWaitMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = () => {
      clearTimeout(timer);
      lane.line.delete(go);
      // Here, so that no newcomer takes the place.
      lane.places += 1;
      resolve();
    };
    const timer = setTimeout(go, longestWaitMs);
    lane.line.add(go);
  });
}
