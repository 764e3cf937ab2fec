// PURE

/** The edges of a graph. Nodes are numbers, and are expanded in ascending order. */
export interface Edges {
  /** Sets the node at which the following edges begin. */
  from(node: number): void;
  /** Adds an edge. @param mark the kind of the edge, at most 255; 0: none */
  to(node: number, mark?: number): void;
  count(): number;
  /** @returns the nodes of a cycle, in order; null when there is none */
  findCycle(nodes: number): number[] | null;
  /** Visits every edge of an acyclic graph: a node's incoming edges before its outgoing ones. */
  inOrder(nodes: number, visit: (from: number, to: number, mark: number) => void): void;
}

/** An edge takes five bytes, so that a few million fit. */
export function createEdges(): Edges {
  let targets = new Int32Array(1 << 16);
  let marks = new Uint8Array(1 << 16);
  let used = 0;
  const offsets: number[] = [];

  /** Topological sort: removes nodes without incoming edges. Nodes that remain are on a cycle or behind one. */
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

/** Each remaining node has a remaining predecessor, so that walking back ends in a cycle. */
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
