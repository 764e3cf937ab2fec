// PURE

/** The edges of a graph whose nodes are expanded in the order of their numbers. */
export interface Edges {
  /** The edges that follow begin at this node. */
  from(node: number): void;
  /** @param mark what kind of edge this is, up to 255; 0 for one of no kind */
  to(node: number, mark?: number): void;
  count(): number;
  /** @returns the nodes of a cycle in the order in which it goes round; null when there is none */
  findCycle(nodes: number): number[] | null;
  /** Visits every edge of a graph without a cycle: those that lead to a node come before those that leave it. */
  inOrder(nodes: number, visit: (from: number, to: number, mark: number) => void): void;
}

/** Five bytes an edge: a few million fit. */
export function createEdges(): Edges {
  let targets = new Int32Array(1 << 16);
  let marks = new Uint8Array(1 << 16);
  let used = 0;
  const offsets: number[] = [];

  /** Takes away nodes that nothing leads to until none is left; what stays lies on a cycle or behind one. */
  function sort(nodes: number): { order: number[]; incoming: Int32Array } {
    const incoming = new Int32Array(nodes);
    for (let i = 0; i < used; i++) incoming[targets[i]!]!++;
    const order: number[] = [];
    for (let node = 0; node < nodes; node++) if (incoming[node] === 0) order.push(node);
    for (let taken = 0; taken < order.length; taken++) {
      const node = order[taken]!;
      const end = offsets[node + 1] ?? used;
      for (let i = offsets[node]!; i < end; i++) if (--incoming[targets[i]!]! === 0) order.push(targets[i]!);
    }
    return { order, incoming };
  }

  return {
    from(node) {
      offsets[node] = used;
    },
    to(node, mark = 0) {
      if (used === targets.length) {
        const [moreTargets, moreMarks] = [new Int32Array(used * 2), new Uint8Array(used * 2)];
        moreTargets.set(targets);
        moreMarks.set(marks);
        [targets, marks] = [moreTargets, moreMarks];
      }
      targets[used] = node;
      marks[used++] = mark;
    },
    count: () => used,
    findCycle(nodes) {
      const { order, incoming } = sort(nodes);
      if (order.length === nodes) return null;
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
    inOrder(nodes, visit) {
      for (const node of sort(nodes).order) {
        const end = offsets[node + 1] ?? used;
        for (let i = offsets[node]!; i < end; i++) visit(node, targets[i]!, marks[i]!);
      }
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
