// PURE
import type { Edges } from "./edges.ts";

/** Some kinds of faults, one perhaps more than once, whichever came first. */
const nameOf = (kinds: readonly string[]) => [...kinds].sort().join(" + ");

function choose(kinds: readonly string[], size: number): string[][] {
  if (size === 0) return [[]];
  return kinds.flatMap((kind, i) => choose(kinds.slice(i), size - 1).map((rest) => [kind, ...rest]));
}

/** @returns by name, all that so many faults may be: each of any kind, also of one that was there before */
export const choices = (kinds: readonly string[], size: number): string[] => choose(kinds, size).map(nameOf);

/**
 * Looks which faults happen together: on one path, however far apart.
 *
 * Every node knows what may have happened on the ways to it: all choices of up to `size` faults, as the bits of one number. It
 * hands them on, and over an edge that is a fault also each of them with that fault. A path with more faults than `size`
 * counts for every choice from them.
 * @param edges of a graph without a cycle, all of it reachable from node 0
 * @param kinds what the marks of the edges stand for, the first for mark 1
 * @returns the names of the choices of `size` faults that some path has
 */
export function together(edges: Edges, nodes: number, kinds: readonly string[], size: number): Set<string> {
  const sizes = Array.from({ length: size + 1 }, (_, smaller) => smaller);
  const all = sizes.flatMap((smaller) => choose(kinds, smaller));
  const bits = new Map(all.map((choice, bit) => [nameOf(choice), 1n << BigInt(bit)]));
  const adders = kinds.map((kind) => adder(all, (choice) => bits.get(nameOf([...choice, kind]))));
  const known = new Array<bigint>(nodes).fill(0n);
  // Nothing has happened yet: the choice of none.
  known[0] = 1n;
  let some = 0n;
  edges.inOrder(nodes, (from, to, mark) => {
    known[to]! |= mark ? adders[mark - 1]!(known[from]!) : known[from]!;
    some |= known[to]!;
  });
  return new Set(choices(kinds, size).filter((name) => some & bits.get(name)!));
}

/** @returns what adds a fault to each of the choices known; few such sets are different, and each is made once */
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
