/** Named barriers. A released gate stays open, for those who come later too, until the next reset. */
export interface Gates {
  /** Calls `pass` when the gate opens. @returns what leaves the queue; null when the gate is open already */
  arrive(name: string, pass: () => void): (() => void) | null;
  release(name: string): void;
  /** Resolves as soon as somebody waits at the gate, or has passed it. */
  reached(name: string): Promise<void>;
  state(): Record<string, { open: boolean; waiting: number; arrived: number }>;
  /** Forgets every gate; whoever waits is let through. */
  reset(): void;
}

interface Gate {
  open: boolean;
  arrived: number;
  waiting: Set<() => void>;
  watchers: Array<() => void>;
}

export function createGates(): Gates {
  const gates = new Map<string, Gate>();

  function named(name: string): Gate {
    const gate = gates.get(name) ?? { open: false, arrived: 0, waiting: new Set(), watchers: [] };
    gates.set(name, gate);
    return gate;
  }

  function open(gate: Gate): void {
    gate.open = true;
    for (const pass of [...gate.waiting]) pass();
    gate.waiting.clear();
  }

  return {
    arrive(name, pass) {
      const gate = named(name);
      gate.arrived += 1;
      for (const tell of gate.watchers.splice(0)) tell();
      if (gate.open) return null;
      gate.waiting.add(pass);
      return () => gate.waiting.delete(pass);
    },
    release: (name) => open(named(name)),
    reached(name) {
      const gate = named(name);
      if (gate.arrived > 0) return Promise.resolve();
      return new Promise((resolve) => gate.watchers.push(resolve));
    },
    state: () =>
      Object.fromEntries(
        [...gates].map(([name, { open, waiting, arrived }]) => [name, { open, waiting: waiting.size, arrived }]),
      ),
    reset() {
      const all = [...gates.values()];
      gates.clear();
      for (const gate of all) {
        open(gate);
        for (const tell of gate.watchers) tell();
      }
    },
  };
}
