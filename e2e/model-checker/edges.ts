// PURE

/** The edges of a graph whose nodes are expanded in the order of their numbers. */
export interface Edges {
  /** The edges that follow begin at this node. */
  from(node: number): void;
  to(node: number): void;
  count(): number;
  /** @returns the nodes of a cycle in the order in which it goes round; null when there is none */
  findCycle(nodes: number): number[] | null;
}

/** Four bytes an edge: a few million fit. */
export function createEdges(): Edges {
  let targets = new Int32Array(1 << 16);
  let used = 0;
  const offsets: number[] = [];
  return {
    from(node) {
      offsets[node] = used;
    },
    to(node) {
      if (used === targets.length) {
        const larger = new Int32Array(used * 2);
        larger.set(targets);
        targets = larger;
      }
      targets[used++] = node;
    },
    count: () => used,
    /** Takes away nodes that nothing leads to until none is left; what stays lies on a cycle or behind one. */
    findCycle(nodes) {
      const incoming = new Int32Array(nodes);
      for (let i = 0; i < used; i++) incoming[targets[i]!]!++;
      const free: number[] = [];
      for (let node = 0; node < nodes; node++) if (incoming[node] === 0) free.push(node);
      for (let taken = 0; taken < free.length; taken++) {
        const node = free[taken]!;
        const end = offsets[node + 1] ?? used;
        for (let i = offsets[node]!; i < end; i++) if (--incoming[targets[i]!]! === 0) free.push(targets[i]!);
      }
      if (free.length === nodes) return null;
      const before = new Int32Array(nodes);
      for (let node = 0; node < nodes; node++) {
        if (incoming[node] === 0) continue;
        const end = offsets[node + 1] ?? used;
        for (let i = offsets[node]!; i < end; i++) before[targets[i]!] = node;
      }
      return walkBack(
        before,
        incoming.findIndex((count) => count > 0),
      );
    },
  };
}

/** Every node that is left has one before it that is left, so that whoever walks back comes round. */
function walkBack(before: Int32Array, from: number): number[] {
  const seen = new Map<number, number>();
  const path: number[] = [];
  let node = from;
  for (; !seen.has(node); node = before[node]!) {
    seen.set(node, path.length);
    path.push(node);
  }
  return path.slice(seen.get(node)).reverse();
}
