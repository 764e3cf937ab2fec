/** Named gates at which requests wait. A released gate stays open until the next reset. */
export interface Gates {
  /**
   * Calls `onOpen` when the gate opens.
   * @returns a function that stops waiting; null when the gate is already open
   */
  arrive(name: string, onOpen: () => void): (() => void) | null;
  release(name: string): void;
  /** Resolves when a request has arrived at the gate, whether it waits there or has passed it. */
  reached(name: string): Promise<void>;
  state(): Record<string, { open: boolean; waiting: number; arrived: number }>;
  /** Forgets every gate. Waiting requests continue. */
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
    for (const onOpen of [...gate.waiting]) onOpen();
    gate.waiting.clear();
  }

  return {
    arrive(name, onOpen) {
      const gate = named(name);
      gate.arrived += 1;
      for (const notify of gate.watchers.splice(0)) notify();
      if (gate.open) return null;
      gate.waiting.add(onOpen);
      return () => gate.waiting.delete(onOpen);
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
        for (const notify of gate.watchers) notify();
      }
    },
  };
}
