// PURE
import type { Edges } from "./edges.ts";

/** Names a choice of faults regardless of their order. A kind may occur several times. */
const nameOf = (kinds: readonly string[]) => [...kinds].sort().join(" + ");

function choose(kinds: readonly string[], size: number): string[][] {
  if (size === 0) return [[]];
  return kinds.flatMap((kind, i) => choose(kinds.slice(i), size - 1).map((rest) => [kind, ...rest]));
}

/** @returns the names of all choices of `size` faults with repetition */
export const choices = (kinds: readonly string[], size: number): string[] => choose(kinds, size).map(nameOf);

/**
 * Finds the faults that happen on one path, at any distance.
 *
 * Each node has the set of all choices of up to `size` faults on paths to it, as the bits of one number. An edge passes the set
 * on, and an edge that is a fault also adds each choice extended by that fault. A path with more faults than `size` counts
 * for every choice of `size` among them.
 * @param edges of an acyclic graph in which every node is reachable from node 0
 * @param kinds of the edges' marks, from mark 1 on
 * @returns the names of the choices of `size` faults that occur on some path
 */
export function together(edges: Edges, nodes: number, kinds: readonly string[], size: number): Set<string> {
  const sizes = Array.from({ length: size + 1 }, (_, smaller) => smaller);
  const all = sizes.flatMap((smaller) => choose(kinds, smaller));
  const bits = new Map(all.map((choice, bit) => [nameOf(choice), 1n << BigInt(bit)]));
  const adders = kinds.map((kind) => adder(all, (choice) => bits.get(nameOf([...choice, kind]))));
  const known = new Array<bigint>(nodes).fill(0n);
  // The initial state has only the empty choice.
  known[0] = 1n;
  let some = 0n;
  edges.inOrder(nodes, (from, to, mark) => {
    known[to]! |= mark ? adders[mark - 1]!(known[from]!) : known[from]!;
    some |= known[to]!;
  });
  return new Set(choices(kinds, size).filter((name) => some & bits.get(name)!));
}

/** @returns a function that adds a fault to each choice of a set. Few different sets occur, so results are cached. */
function adder(all: readonly string[][], withIt: (choice: string[]) => bigint | undefined) {
  const made = new Map<bigint, bigint>();
  const larger = all.map((choice) => withIt(choice) ?? 0n);
  return (known: bigint): bigint => {
    let more = made.get(known);
    if (more === undefined) {
      more = larger.reduce((sum, bit, i) => (known & (1n << BigInt(i)) ? sum | bit : sum), known);
      made.set(known, more);
    }
    return more;
  };
}
