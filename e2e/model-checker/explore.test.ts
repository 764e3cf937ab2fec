import { describe, expect, it } from "vitest";
import { explore, type Model } from "./explore.ts";

/** A model whose state is a number: it starts at 0, and `next` gives its successors. */
function counter(next: (n: number) => number[], rest: Partial<Model<number>> = {}): Model<number> {
  return {
    initial: 0,
    key: String,
    successors(n, emit) {
      for (const to of next(n)) emit(`to ${to}`, to);
    },
    broken: () => null,
    stuck: () => null,
    show: String,
    ...rest,
  };
}

const run = (model: Model<number>) => explore(model, 1_000, () => 0);
const labels = (steps: string[] = []) => steps.slice(1).map((step) => /to \d+/.exec(step)?.[0]);

describe("the explorer", () => {
  it("visits every state once and every transition of it", () => {
    const diamond = counter((n) => ({ 0: [1, 2], 1: [3], 2: [3] })[n] ?? []);
    expect(run(diamond)).toMatchObject({ states: 4, transitions: 4, seconds: 0, counterexample: null });
  });

  it("reports a shortest path to a broken invariant", () => {
    const ways = counter((n) => (n < 20 ? [n + 1, n + 5] : []), { broken: (n) => (n === 11 ? "eleven" : null) });
    const { counterexample } = run(ways);
    expect(counterexample?.broken).toBe("eleven");
    expect(labels(counterexample?.steps)).toHaveLength(3);
  });

  it("finds an invariant that is broken in the initial state", () => {
    expect(run(counter(() => [], { broken: () => "at once" })).counterexample?.broken).toBe("at once");
  });

  it("calls `stuck` for a state whose only steps are faults", () => {
    const model = counter(() => [], {
      successors(n, emit) {
        if (n === 0) emit("to 1", 1);
        else if (n === 1) emit("to 2", 2, "a fault");
      },
      stuck: (n) => (n === 1 ? "stuck" : null),
    });
    const { counterexample } = run(model);
    expect(counterexample?.broken).toBe("stuck");
    expect(labels(counterexample?.steps)).toEqual(["to 1"]);
  });

  it("reports which faults happen on one path, in any order and at any distance", () => {
    const faults: Record<string, string> = { "0-1": "b", "0-2": "c", "1-3": "a", "4-5": "a", "2-6": "d" };
    const ways: Record<number, number[]> = { 0: [1, 2], 1: [3], 2: [6], 3: [4], 4: [5] };
    const model = counter(() => [], {
      successors(n, emit) {
        for (const to of ways[n] ?? []) emit(`to ${to}`, to, faults[`${n}-${to}`]);
      },
    });
    const { together } = run(model);
    expect([...together(1)].sort()).toEqual(["a", "b", "c", "d"]);
    expect([...together(2)].sort()).toEqual(["a + a", "a + b", "c + d"]);
    expect([...together(3)].sort()).toEqual(["a + a + b"]);
    expect([...together(4)]).toEqual([]);
  });

  it("finds a cycle, also one on the path to a good end", () => {
    const { counterexample } = run(counter((n) => ({ 0: [1], 1: [2], 2: [1, 3], 3: [4] })[n] ?? []));
    expect(counterexample?.broken).toContain("form a cycle");
    expect(new Set(labels(counterexample?.steps).slice(-2))).toEqual(new Set(["to 1", "to 2"]));
  });

  it("does not report a step that changes nothing as a cycle", () => {
    expect(run(counter((n) => (n < 3 ? [n, n + 1] : [n]))).counterexample).toBeNull();
  });

  it("throws when there are more states than the limit", () => {
    expect(() => run(counter((n) => [n + 1]))).toThrow("too large");
  });
});
